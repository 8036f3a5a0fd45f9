import { expect, test } from "bun:test"
import { streamTwiml } from "../../src/twilio/stream-twiml.ts"
import { parseTwiml } from "../../src/sim/twiml-reader.ts"

const OPTIONS = {
  url: "wss://parley.test/twilio/media/t",
  nextUrl: "https://parley.test/next?a=1&b=2",
  parameters: {},
}

test("a stream is connected, and the request for what follows stands behind it", () => {
  const verbs = parseTwiml(streamTwiml({ ...OPTIONS, parameters: { name: "Ada <&>" } }))
  expect(verbs.map(({ name }) => name)).toEqual(["Connect", "Redirect"])
  expect(verbs[0]?.children).toMatchObject([
    {
      name: "Stream",
      attributes: { url: OPTIONS.url },
      children: [{ name: "Parameter", attributes: { name: "name", value: "Ada <&>" } }],
    },
  ])
  expect(verbs[1]?.text).toBe(OPTIONS.nextUrl)
})

test("a parameter that is too long for Twilio is left out", () => {
  const xml = streamTwiml({ ...OPTIONS, parameters: { fits: "x".repeat(495), tooLong: "x".repeat(493) } })
  expect([xml.includes("fits"), xml.includes("tooLong")]).toEqual([true, false])
})
