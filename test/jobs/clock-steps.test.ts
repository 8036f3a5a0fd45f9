import { expect, test } from "bun:test"
import { ClockSteps } from "../../src/jobs/clock-steps.ts"
import { TestClock } from "../lib/test-clock.ts"

test("a step is reported once, with what the clock would show without it", () => {
  using clock = new TestClock(0)
  const steps = new ClockSteps(clock)
  clock.advance(5_000)
  expect(steps.take()).toBeUndefined()
  clock.step(-600_000)
  clock.advance(500)
  expect(steps.take()).toEqual({ ms: -600_000, before: 5_500 })
  expect(steps.take()).toBeUndefined()
  clock.step(999)
  expect(steps.take()).toBeUndefined()
})
