import { expect, test } from "bun:test"
import { connectionOverrides } from "../../src/sim/connection-overrides.ts"
import { webhookUrl } from "../../src/twilio/webhook-url.ts"

test("an address carries overrides that bridge a restart within Twilio's 15 seconds", () => {
  const url = webhookUrl("https://parley.test/voice", "/twilio/status?call=1")
  expect(url).toStartWith("https://parley.test/voice/twilio/status?call=1#")
  const { retries, retriesOn, readTimeoutMs, totalMs } = connectionOverrides(url)
  expect((["ct", "rt", "5xx"] as const).filter((kind) => !retriesOn(kind))).toEqual([])
  expect(totalMs).toBe(15_000)
  expect(Math.min(totalMs, (retries + 1) * readTimeoutMs)).toBeGreaterThanOrEqual(5_000)
})
