/** Deadlines: their order, their cancelling, and the timer that visits them. */

import { expect, test } from "bun:test"
import { Sweep } from "../../src/lib/sweep.ts"
import { TestClock } from "./test-clock.ts"

test("deadlines run in the order they are due, also those set by deadlines", () => {
  using clock = new TestClock(0)
  const ran: string[] = []
  const note = (name: string) => () => void ran.push(`${name}@${clock.now()}`)
  clock.sweep.after(30, note("late"))
  clock.sweep.after(10, () => {
    note("early")()
    clock.sweep.after(5, note("chained"))
  })
  clock.advance(100)
  expect(ran).toEqual(["early@10", "chained@15", "late@30"])
  expect(clock.sweep.size).toBe(0)
})

test("one visit after a long pause runs what is due, in order", () => {
  let now = 0
  using sweep = new Sweep({ clock: { now: () => 0, monotonic: () => now }, everyMs: 0 })
  const ran: number[] = []
  for (const ms of [30, 10, 20, 500]) sweep.after(ms, () => void ran.push(ms))
  now = 100
  sweep.tick()
  expect(ran).toEqual([10, 20, 30])
  expect(sweep.size).toBe(1)
})

test("a cancelled deadline never runs, and cancelling again is harmless", () => {
  using clock = new TestClock()
  let runs = 0
  const cancel = clock.sweep.after(10, () => runs++)
  cancel()
  cancel()
  clock.advance(20)
  expect(runs).toBe(0)
})

test("a deadline may cancel a later one that is due in the same visit", () => {
  let now = 0
  using sweep = new Sweep({ clock: { now: () => 0, monotonic: () => now }, everyMs: 0 })
  const ran: string[] = []
  sweep.after(10, () => {
    ran.push("first")
    cancelSecond()
  })
  const cancelSecond = sweep.after(20, () => void ran.push("second"))
  now = 50
  sweep.tick()
  expect(ran).toEqual(["first"])
})

test("a deadline that throws is reported and keeps no other from running", () => {
  using clock = new TestClock()
  let runs = 0
  clock.sweep.after(10, () => {
    throw new Error("broken")
  })
  clock.sweep.after(10, () => runs++)
  clock.advance(10)
  expect({ runs, errors: clock.errors.map(String) }).toEqual({ runs: 1, errors: ["Error: broken"] })
})

test("every runs again and again, past an error, until it is cancelled", () => {
  using clock = new TestClock(0)
  const at: number[] = []
  const cancel = clock.sweep.every(100, () => {
    at.push(clock.now())
    if (at.length === 2) throw new Error("once")
  })
  clock.advance(350)
  cancel()
  clock.advance(1000)
  expect({ at, errors: clock.errors.length, left: clock.sweep.size }).toEqual({
    at: [100, 200, 300],
    errors: 1,
    left: 0,
  })
})

test("every may cancel itself while it runs", () => {
  using clock = new TestClock()
  let runs = 0
  const cancel = clock.sweep.every(10, () => {
    runs++
    cancel()
  })
  clock.advance(100)
  expect({ runs, left: clock.sweep.size }).toEqual({ runs: 1, left: 0 })
})

test("sleep resolves when its time has come", async () => {
  using clock = new TestClock()
  let awake = false
  const sleeping = clock.sweep.sleep(50).then(() => (awake = true))
  await clock.pass(49)
  expect(awake).toBe(false)
  await clock.pass(1)
  expect(awake).toBe(true)
  await sleeping
})

test.each([
  ["before it begins", true],
  ["while it lasts", false],
])("sleep ends at once when the signal is aborted %s", async (_, early) => {
  using clock = new TestClock()
  const controller = new AbortController()
  if (early) controller.abort()
  const sleeping = clock.sweep.sleep(1_000_000, controller.signal)
  controller.abort()
  await sleeping
  expect(clock.sweep.size).toBe(0)
})

test("the timer of the sweep visits deadlines by itself", async () => {
  using sweep = new Sweep({ everyMs: 1 })
  await sweep.sleep(2)
  expect(sweep.size).toBe(0)
})

test("a disposed sweep forgets its deadlines", () => {
  const clock = new TestClock()
  let runs = 0
  clock.sweep.after(10, () => runs++)
  clock[Symbol.dispose]()
  clock.advance(100)
  expect({ runs, size: clock.sweep.size }).toEqual({ runs: 0, size: 0 })
})

test("ten thousand deadlines are visited once each", () => {
  using clock = new TestClock()
  let runs = 0
  for (let i = 0; i < 10_000; i++) clock.sweep.after(i % 100, () => runs++)
  clock.advance(100)
  expect(runs).toBe(10_000)
})

test("whatever is set and cancelled, each deadline runs once, at the first visit after its time", () => {
  using clock = new TestClock(1_000)
  const { sweep } = clock
  let seed = 7
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
  const due = new Map<number, number>()
  const wrong: string[] = []
  for (let n = 0; n < 2_000; n++) {
    due.set(n, clock.now() + random(300))
    const cancel = sweep.after(due.get(n)! - clock.now(), () => {
      if (due.get(n) !== clock.now()) wrong.push(`${n} at ${clock.now()} and not at ${due.get(n)}`)
      due.delete(n)
    })
    if (random(3) === 0) {
      cancel()
      due.delete(n)
    }
    // Now and then the time jumps far beyond everything that waits.
    if (random(4) === 0) clock.advance(random(50) === 0 ? 100_000 : random(40))
    expect(sweep.size).toBe(due.size)
  }
  clock.advance(1_000)
  expect({ wrong, dueCount: due.size, sweepCount: sweep.size, nextDueMs: sweep.nextDueMs }).toEqual({
    wrong: [],
    dueCount: 0,
    sweepCount: 0,
    nextDueMs: Infinity,
  })
})
