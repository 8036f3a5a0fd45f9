import { expect, test } from "bun:test"
import { FailedAttempts } from "../../src/server/failed-attempts.ts"

test("each peer has a budget of its own, which a minute renews", () => {
  const failed = new FailedAttempts({ perMinute: 2 })
  const add = (peer: string, now: number) => failed.add(peer, now).within
  expect([add("a", 0), add("a", 1), add("a", 2), add("b", 2), add("a", 59_999), add("a", 60_000)]).toEqual([
    true,
    true,
    false,
    true,
    false,
    true,
  ])
})

test("the first refusal beyond the budget is marked, with the time until the next minute", () => {
  const failed = new FailedAttempts({ perMinute: 1 })
  failed.add("a", 0)
  expect([failed.add("a", 30_000), failed.add("a", 30_001)]).toEqual([
    { within: false, first: true, retryAfterSeconds: 30 },
    { within: false, first: false, retryAfterSeconds: 30 },
  ])
})

test("the peer that was quiet for longest is forgotten", () => {
  const failed = new FailedAttempts({ perMinute: 1, maxPeers: 2 })
  for (const peer of ["a", "b", "a", "c"]) failed.add(peer, 0)
  expect([failed.add("a", 1).within, failed.add("b", 1).within]).toEqual([false, true])
})
