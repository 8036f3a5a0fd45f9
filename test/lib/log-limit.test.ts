/** Equal warnings and errors fill no disk, and none of them goes uncounted. */

import { afterAll, expect, test } from "bun:test"
import { LogLimit } from "../../src/lib/log-limit.ts"
import { configureLog, getLog } from "../../src/lib/log.ts"
import { TestClock } from "./test-clock.ts"

afterAll(() => configureLog({ level: "error", format: "json" }))

function captured() {
  const clock = new TestClock()
  const lines: Record<string, unknown>[] = []
  configureLog({ level: "debug", format: "json", clock, write: (line) => void lines.push(JSON.parse(line)) })
  return { clock, lines, log: getLog("relay") }
}

test("of equal errors ten are written, then one line says how many more there were, and of how many calls", () => {
  const { clock, lines, log } = captured()
  for (let n = 0; n < 1_000; n++) log.error("frame failed", { callSid: `CA${n % 30}`, error: `no ${n}` })
  expect(lines).toHaveLength(10)
  clock.advance(10_000)
  log.error("frame failed", { callSid: "CA1" })
  expect(lines.slice(10)).toMatchObject([
    { level: "error", component: "relay", message: "frame failed", more: 990, withinMs: 10_000, calls: 30 },
    { message: "frame failed", callSid: "CA1" },
  ])
})

test("another message, level or component is another kind, and the normal course is never limited", () => {
  const { lines, log } = captured()
  for (let n = 0; n < 20; n++) {
    log.warn("frame failed")
    log.error("frame failed")
    log.error("frame dropped")
    getLog("realtime").error("frame failed")
    log.info("call answered")
    log.debug("frame accepted")
  }
  expect(lines).toHaveLength(4 * 10 + 2 * 20)
})

test("what was counted of a kind that is forgotten is reported", () => {
  const limit = new LogLimit<string>({ most: 1, maxKinds: 2 })
  const at = { call: undefined, nowMs: 0 }
  for (const record of ["a1", "a2", "a3"]) limit.admits("a", record, at)
  for (const kind of ["b", "c"]) expect(limit.admits(kind, kind, at)).toBe(true)
  expect(limit.end(0)).toEqual([{ last: "a3", more: 2, calls: 0, windowMs: 10_000 }])
  expect(limit.admits("b", "b2", at)).toBe(false)
})
