import { expect, test } from "bun:test"
import { CircuitBreaker } from "../../src/jobs/circuit-breaker.ts"
import { TestClock } from "../lib/test-clock.ts"

const ANY = Number.POSITIVE_INFINITY

test("failures in a row open it; one attempt after a while decides, and each that fails doubles the while", () => {
  using clock = new TestClock()
  const breaker = new CircuitBreaker({ clock, mostFailures: 3, openMs: 1_000, longestOpenMs: 3_000 })
  expect([breaker.failed(), breaker.failed(), breaker.allowed]).toEqual([undefined, undefined, ANY])
  expect([breaker.failed(), breaker.allowed]).toEqual([1_000, 0])
  // One that ran already when it opened.
  expect([breaker.failed(), breaker.allowed]).toEqual([undefined, 0])
  clock.advance(1_000)
  expect([breaker.allowed, breaker.failed(), breaker.allowed]).toEqual([1, 2_000, 0])
  clock.advance(2_000)
  expect([breaker.allowed, breaker.failed()]).toEqual([1, 3_000])
  clock.advance(3_000)
  expect([breaker.succeeded(), breaker.allowed, breaker.succeeded()]).toEqual([true, ANY, false])
})

test("a success in between restarts the count, and a clock that is set opens nothing", () => {
  using clock = new TestClock()
  const breaker = new CircuitBreaker({ clock, mostFailures: 2, openMs: 1_000 })
  breaker.failed()
  breaker.succeeded()
  expect([breaker.failed(), breaker.failed()]).toEqual([undefined, 1_000])
  clock.step(60 * 60_000)
  expect(breaker.allowed).toBe(0)
})
