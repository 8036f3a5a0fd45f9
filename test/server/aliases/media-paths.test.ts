/** The documented addresses of media sockets: which of them are served, and what opens them. */

import { expect, test } from "bun:test"
import { mediaSocketAlias } from "../../../src/server/aliases/media-paths.ts"
import { AppUnderTest } from "../app-under-test.ts"

const ALL = ["s0", "s1", "s2", "s3", "s4"] as const

test.each([
  ["the root", "/", { token: undefined }],
  ["Voice Backend's", "/call", { token: undefined }],
  ["with a slash at its end", "/call/", { token: undefined }],
  ["Starlis'", "/outbound-media-stream", { token: undefined }],
  ["with the token in the path", "/media-stream/abc_-1", { token: "abc_-1" }],
  ["a session without a name", "/media-stream/", undefined],
  ["a name that no token has", "/media-stream/a%2Fb", undefined],
  ["a name without end", `/media-stream/${"x".repeat(129)}`, undefined],
  ["something below", "/call/x", undefined],
  ["another path", "/x", undefined],
  ["a name that every object has", "/constructor", undefined],
  ["nothing", "", undefined],
])("%s", (_, path, expected) => {
  expect(mediaSocketAlias(path, [...ALL])).toEqual(expected)
  expect(mediaSocketAlias(path, [])).toBeUndefined()
})

test.each(["/media-stream/made-up", "/call", "/outbound-media-stream", "/"])(
  "%s is not opened without Twilio's signature",
  async (path) => {
    await using app = await AppUnderTest.start()
    expect((await app.refusedUpgrade(`wss://parley.test${path}`, {})).status).toBe(403)
  },
)

test("a made-up session is refused, signed or not", async () => {
  await using app = await AppUnderTest.start()
  const socket = app.socket("wss://parley.test/media-stream/made-up")
  expect(await socket.opened).toBe(false)
})
