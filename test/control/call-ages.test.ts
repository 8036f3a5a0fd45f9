import { expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import { CallAges } from "../../src/control/call-ages.ts"
import { TestClock } from "../lib/test-clock.ts"

const HOUR_MS = 60 * 60_000
const id = newCallId()

test("a call that is known ages by what passes, whatever the clock is set to", () => {
  using clock = new TestClock()
  const ages = new CallAges(clock)
  const createdAt = clock.now()
  clock.advance(1_000)
  expect(ages.since(id, createdAt)).toBe(1_000)
  clock.step(2 * HOUR_MS)
  clock.advance(1_000)
  expect(ages.since(id, createdAt)).toBe(2_000)
  clock.step(-3 * HOUR_MS)
  clock.advance(1_000)
  expect(ages.since(id, createdAt)).toBe(3_000)
})

test("a call that was not there at the last look is no older than it", () => {
  using clock = new TestClock()
  const ages = new CallAges(clock)
  ages.looked(new Set())
  clock.advance(3_000)
  const createdAt = clock.now()
  clock.step(2 * HOUR_MS)
  clock.advance(2_000)
  expect(ages.since(id, createdAt)).toBe(5_000)
})

test("a call from before the start has the age of its date, and one of the future none", () => {
  using clock = new TestClock()
  const ages = new CallAges(clock)
  expect(ages.since(id, clock.now() - HOUR_MS)).toBe(HOUR_MS)
  expect(ages.since(id, clock.now() + HOUR_MS)).toBe(0)
})

test("of calls that are over nothing is kept", () => {
  using clock = new TestClock()
  const ages = new CallAges(clock)
  const createdAt = clock.now() - HOUR_MS
  ages.since(id, createdAt)
  ages.looked(new Set())
  expect(ages.since(id, createdAt)).toBe(0)
})
