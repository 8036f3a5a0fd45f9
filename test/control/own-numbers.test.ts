/** The numbers of the account: read once for a while, and never waited for long. */

import { expect, test } from "bun:test"
import { createOwnNumbers } from "../../src/control/own-numbers.ts"
import { notedLog } from "../relay/fixture.ts"
import { TestClock } from "../lib/test-clock.ts"

const NUMBER = {
  sid: "PN1",
  phoneNumber: "+15550100001",
  friendlyName: "x",
  voiceUrl: null,
  voiceApplicationSid: null,
  trunkSid: null,
}

test("are read once in ten minutes", async () => {
  using clock = new TestClock()
  let asked = 0
  const numbers = async () => {
    asked += 1
    return [NUMBER]
  }
  const ownNumbers = createOwnNumbers({ twilio: { numbers }, sweep: clock.sweep, log: notedLog() })
  expect(await Promise.all([ownNumbers(), ownNumbers()])).toEqual([["+15550100001"], ["+15550100001"]])
  clock.advance(9 * 60_000)
  await ownNumbers()
  expect(asked).toBe(1)
  clock.advance(2 * 60_000)
  await ownNumbers()
  expect(asked).toBe(2)
})

test("are missing where Twilio does not answer in time", async () => {
  using clock = new TestClock()
  const twilio = { numbers: () => new Promise<never>(() => {}) }
  const ownNumbers = createOwnNumbers({ twilio, sweep: clock.sweep, log: notedLog() })
  const waiting = ownNumbers()
  clock.advance(2_000)
  expect(await waiting).toEqual([])
})

test("are missing where Twilio refuses, which is asked again later", async () => {
  using clock = new TestClock()
  let isBroken = true
  const numbers = async () => {
    if (isBroken) throw new Error("no")
    return [NUMBER]
  }
  const ownNumbers = createOwnNumbers({ twilio: { numbers }, sweep: clock.sweep, log: notedLog() })
  expect(await ownNumbers()).toEqual([])
  isBroken = false
  expect(await ownNumbers()).toEqual([])
  clock.advance(61_000)
  expect(await ownNumbers()).toEqual(["+15550100001"])
})
