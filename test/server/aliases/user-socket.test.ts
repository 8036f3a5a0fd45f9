/** `WS /user`: who may open it, and what is answered to bad messages. */

import { expect, test } from "bun:test"
import { AppUnderTest } from "../app-under-test.ts"
import { TestSocket } from "../client.ts"

const KEYS = { API_KEYS: "key-of-all-0123456" }
const all = { Authorization: "Bearer key-of-all-0123456" }
const CALLER = "+12025550123"

async function opened(app: AppUnderTest, query = "", headers: Record<string, string> = {}) {
  const socket = new TestSocket(`${app.url.replace("http", "ws")}/user${query}`, headers)
  return { socket, isOpen: await socket.opened }
}

test.each([
  ["nothing", "", {}],
  ["a phone number", `?phoneNumber=${CALLER}`, {}],
  ["a wrong key", "?key=wrong-key-0123456789", {}],
  ["a forged token", `?token=pct_${"A".repeat(43)}`, {}],
  ["a token that is none", "?token=pct_x", {}],
])("%s does not open it", async (_, query, headers) => {
  await using app = await AppUnderTest.start(KEYS)
  expect(await opened(app, query, headers)).toMatchObject({ isOpen: false })
  expect((await app.api(`/v1/callers/${CALLER}`, { headers: all })).status).toBe(404)
})

test("a forged token opens nothing, also where programs on this machine need no key", async () => {
  await using app = await AppUnderTest.start()
  const token = `pct_${"A".repeat(43)}`
  expect(await opened(app)).toMatchObject({ isOpen: true })
  expect(await opened(app, `?token=${token}`)).toMatchObject({ isOpen: false })
  const headers = { Authorization: `Bearer ${token}` }
  expect((await app.post(`/v1/callers/${CALLER}/events`, { event: "consent" }, headers)).status).toBe(401)
})

test("it is not there without s1", async () => {
  await using app = await AppUnderTest.start({ ...KEYS, COMPAT: "s2" })
  expect(await opened(app, "", all)).toMatchObject({ isOpen: false })
})

test.each([
  ["no JSON", "hello", "INVALID_REQUEST"],
  ["no object", "[1]", "INVALID_REQUEST"],
  ["no event", { phoneNumber: CALLER }, "INVALID_REQUEST"],
  ["an unknown event", { event: "user_delete", phoneNumber: CALLER }, "INVALID_REQUEST"],
  ["no number", { event: "user_consent" }, "INVALID_REQUEST"],
  ["a number with letters", { event: "user_consent", phoneNumber: "+1202555CALL" }, "INVALID_REQUEST"],
  ["a number without a country", { event: "user_consent", phoneNumber: "2025550123" }, "INVALID_REQUEST"],
  ["a withheld number", { event: "user_consent", phoneNumber: "anonymous" }, "INVALID_REQUEST"],
  ["a number that is no text", { event: "user_consent", phoneNumber: 12025550123 }, "INVALID_REQUEST"],
  ["a name that is none", { event: "user_login", phoneNumber: CALLER, name: { a: 1 } }, "INVALID_REQUEST"],
  ["a message that is too long", { event: "user_login", pad: "x".repeat(17_000) }, "TOO_LARGE"],
])("%s is answered with an error", async (_, message, code) => {
  await using app = await AppUnderTest.start(KEYS)
  const { socket } = await opened(app, "?key=key-of-all-0123456")
  socket.send(message)
  expect(await socket.frames.next()).toMatchObject({ event: "error", code, message: expect.any(String) })
  expect((await app.api(`/v1/callers/${CALLER}`, { headers: all })).status).toBe(404)
})

test("without a running call the event is recorded and answered with an error", async () => {
  await using app = await AppUnderTest.start(KEYS)
  const { socket } = await opened(app, "", all)
  socket.send({ event: "user_consent", phoneNumber: CALLER, other: true })
  expect(await socket.frames.next()).toMatchObject({ event: "error", for: "user_consent", code: "CONFLICT" })
  expect(await app.json(`/v1/callers/${CALLER}`, { headers: all })).toMatchObject({
    state: "consented",
    stateSource: "api-key",
  })
})

test("binary frames and endless errors end the socket, and its place is free again", async () => {
  await using app = await AppUnderTest.start(KEYS)
  const count = async () => (await app.json("/metrics", { headers: all })).counts.userSockets
  const { socket } = await opened(app, "", all)
  expect(await count()).toBe(1)
  for (let n = 0; n < 20; n++) socket.send(new Uint8Array([1, 2, 3]))
  expect(await socket.closed).toMatchObject({ code: 1008 })
  for (let reading = 0; reading < 50 && (await count()) > 0; reading++);
  expect(await count()).toBe(0)
})

test("one holder may open ten", async () => {
  await using app = await AppUnderTest.start(KEYS)
  const sockets = []
  for (let n = 0; n < 10; n++) sockets.push(await opened(app, "", all))
  expect(sockets.every(({ isOpen }) => isOpen)).toBe(true)
  expect(await opened(app, "", all)).toMatchObject({ isOpen: false })
})
