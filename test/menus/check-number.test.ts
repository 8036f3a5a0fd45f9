/** Whether a number is looked up depends on the limit of look-ups, and not on a database that takes its time. */

import { expect, test } from "bun:test"
import type { MenuState } from "../../src/call/menu-state.ts"
import type { ControlContext } from "../../src/control/context.ts"
import { checkNumber } from "../../src/menus/check-number.ts"
import type { QuotaResult } from "../../src/store/quotas.ts"
import { sampleCall } from "../relay/fixture.ts"
import { TestClock } from "../lib/test-clock.ts"

const NUMBER = "+15550100001"

async function checked(take: () => Promise<QuotaResult>) {
  using clock = new TestClock()
  const context = {
    config: { times: { lookupMs: 1_000 }, limits: { lookupsPerHour: 1 } },
    sweep: clock.sweep,
    log: { warn() {} },
    store: { steadyNow: () => 0, quotas: { take } },
    twilio: { lineType: () => Promise.resolve("mobile") },
  } as unknown as ControlContext
  const state = { menu: "m" } as MenuState
  const question = { kind: "check-number", state, given: NUMBER, lookUp: true, country: undefined } as const
  const answer = checkNumber(context, sampleCall(), question)
  // The plans of numbers are loaded on first use.
  await import("libphonenumber-js/max")
  await clock.pass(500)
  return answer
}

test.each<[string, () => Promise<QuotaResult>]>([
  ["counted at once", () => Promise.resolve({ outcome: "counted" })],
  ["not counted, because the database is locked", () => new Promise<never>(() => {})],
  ["not counted, because the database failed", () => Promise.reject(new Error("disk I/O error"))],
])("a look-up that is %s is made", async (_, take) => {
  expect(await checked(take)).toEqual({ kind: "checked", number: NUMBER, line: "mobile" })
})

test("a look-up beyond the limit has failed", async () => {
  const limit = { of: "all", most: 1, withinMs: 3_600_000 } as const
  const take = () => Promise.resolve<QuotaResult>({ outcome: "limited", limit, freeAt: 1 })
  expect(await checked(take)).toEqual({ kind: "checked", number: NUMBER, line: "failed" })
})
