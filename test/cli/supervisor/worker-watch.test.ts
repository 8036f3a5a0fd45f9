import { expect, test } from "bun:test"
import { beatMs, WorkerWatch } from "../../../src/cli/supervisor/worker-watch.ts"
import { Sweep } from "../../../src/lib/sweep.ts"
import { TestClock } from "../../lib/test-clock.ts"

function watched(stallMs = 1_000) {
  const clock = new TestClock()
  const stalls: string[] = []
  const watch = new WorkerWatch({ stallMs, sweep: clock.sweep, onStalled: () => void stalls.push("stalled") })
  const pass = (times: number) => {
    for (let beat = 0; beat < times; beat++) clock.advance(beatMs(stallMs) + 20)
  }
  return { clock, stalls, watch, pass, [Symbol.dispose]: () => clock[Symbol.dispose]() }
}

test("a worker that says nothing for the whole time has stalled, once", () => {
  using h = watched()
  h.pass(5)
  expect(h.stalls).toEqual([])
  h.pass(10)
  expect(h.stalls).toEqual(["stalled"])
})

test("each sign of life begins the time anew", () => {
  using h = watched()
  for (let round = 0; round < 20; round++) {
    h.pass(4)
    h.watch.alive()
  }
  expect(h.stalls).toEqual([])
})

test("a machine that was suspended for an hour has missed one check", () => {
  let now = 0
  const clock = { now: () => now, monotonic: () => now }
  const sweep = new Sweep({ clock, everyMs: 0 })
  const stalls: string[] = []
  const watch = new WorkerWatch({ stallMs: 1_000, sweep, onStalled: () => void stalls.push("stalled") })
  now += 3_600_000
  sweep.tick()
  expect(stalls).toEqual([])
  watch.stop()
})

test("a watch that has ended reports nothing", () => {
  using h = watched()
  h.watch.stop()
  h.pass(10)
  expect(h.stalls).toEqual([])
})
