import { expect, test } from "bun:test"
import { SilenceDetection } from "../../src/conversation/silence-detection.ts"
import { TestClock } from "../lib/test-clock.ts"

const THRESHOLD_MS = 1000

type Given = { messages?: string[]; quietAt?: () => number; busy?: () => boolean; speaks?: () => void }

function watched({
  messages = ["one", "two"],
  quietAt = () => 0,
  busy = () => false,
  speaks = () => {},
}: Given = {}) {
  const clock = new TestClock()
  const startedAt = clock.monotonic()
  const said: [string, number][] = []
  const watch = new SilenceDetection({
    thresholdMs: THRESHOLD_MS,
    messages,
    sweep: clock.sweep,
    quietAt,
    busy,
    remind(text) {
      said.push([text, clock.monotonic() - startedAt])
      speaks()
    },
    giveUp: () => said.push(["end", clock.monotonic() - startedAt]),
  })
  return { clock, watch, said, startedAt }
}

test("reminders come one threshold after another, and the end one after the last", () => {
  const { clock, watch, said } = watched()
  watch.start()
  clock.advance(10_000)
  expect(said).toEqual([
    ["one", 1000],
    ["two", 2000],
    ["end", 3000],
  ])
  expect(clock.sweep.size).toBe(0)
})

test("each reminder and the end come a whole threshold after the reminder before was heard", () => {
  let quietAt = 0
  const { clock, watch, said } = watched({
    quietAt: () => quietAt,
    speaks: () => (quietAt = clock.monotonic() + 2_500),
  })
  watch.start()
  clock.advance(20_000)
  expect(said).toEqual([
    ["one", 1000],
    ["two", 1000 + 2_500 + 1000],
    ["end", 4_500 + 2_500 + 1000],
  ])
})

test("a reminder that a model takes long to speak is not said twice", () => {
  let busyUntil = 0
  const { clock, watch, said } = watched({
    busy: () => clock.monotonic() < busyUntil,
    speaks: () => (busyUntil = clock.monotonic() + 1_200),
  })
  watch.start()
  clock.advance(20_000)
  expect(said.map(([text]) => text)).toEqual(["one", "two", "end"])
})

test("nothing happens before the start and after the stop", () => {
  const { clock, watch, said } = watched()
  clock.advance(5000)
  watch.start()
  clock.advance(500)
  watch.stop()
  clock.advance(5000)
  expect(said).toEqual([])
})

test("without messages the first threshold is the end", () => {
  const { clock, watch, said } = watched({ messages: [] })
  watch.start()
  clock.advance(5000)
  expect(said).toEqual([["end", 1000]])
})

test("a sign of life restarts the reminders", () => {
  const { clock, watch, said } = watched()
  watch.start()
  clock.advance(1500)
  watch.callerActive()
  clock.advance(1000)
  expect(said).toEqual([
    ["one", 1000],
    ["one", 2500],
  ])
})

test("the clock starts when the agent has been heard to the end", () => {
  let quietAt = 0
  const { clock, watch, said, startedAt } = watched({ quietAt: () => quietAt })
  quietAt = startedAt + 30_000
  watch.start()
  clock.advance(30_900)
  expect(said).toEqual([])
  clock.advance(100)
  expect(said).toEqual([["one", 31_000]])
})

test("speech that is cut short brings the reminder forward once somebody looks", () => {
  let quietAt = 0
  const { clock, watch, said, startedAt } = watched({ quietAt: () => quietAt })
  quietAt = startedAt + 5000
  watch.start()
  clock.advance(2000)
  quietAt = startedAt + 2000
  watch.callerActive()
  clock.advance(1000)
  expect(said).toEqual([["one", 3000]])
})

test("the clock stands still while an answer is being made or a tool runs", () => {
  let busy = true
  const { clock, watch, said } = watched({ busy: () => busy })
  watch.start()
  clock.advance(20_500)
  busy = false
  clock.advance(1000)
  expect(said).toEqual([["one", 21_000]])
})
