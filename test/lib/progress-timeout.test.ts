import { describe, expect, test } from "bun:test"
import { ProgressTimeout, type StreamTimes } from "../../src/lib/progress-timeout.ts"
import { TestClock } from "./test-clock.ts"

const FIRST = "no data from the model for 600 ms"
const GAP = "no data from the model for 800 ms in the middle of an answer"

function setUp(times: StreamTimes = { firstTokenMs: 600, tokenGapMs: 800 }) {
  const clock = new TestClock()
  const startedAt = clock.now()
  const timeouts: { atMs: number; message: string }[] = []
  const timeout = new ProgressTimeout({
    times,
    sweep: clock.sweep,
    onTimeout: (message) => timeouts.push({ atMs: clock.now() - startedAt, message }),
  })
  return { clock, timeout, timeouts }
}

type Step = ["start" | "progress" | "stop", number]

describe("a limit that passes is reported once, at its millisecond", () => {
  test.each<[string, Step[], { atMs: number; message: string }[]]>([
    ["no first part", [["start", 0]], [{ atMs: 600, message: FIRST }]],
    [
      "a gap after the last part",
      [
        ["start", 0],
        ["progress", 500],
        ["progress", 1_200],
      ],
      [{ atMs: 2_000, message: GAP }],
    ],
    [
      "a wait that begins again",
      [
        ["start", 0],
        ["start", 500],
      ],
      [{ atMs: 1_100, message: FIRST }],
    ],
    [
      "a second answer",
      [
        ["start", 0],
        ["start", 1_000],
      ],
      [
        { atMs: 600, message: FIRST },
        { atMs: 1_600, message: FIRST },
      ],
    ],
    ["nothing expected", [["progress", 100]], []],
    [
      "a part after the timeout",
      [
        ["start", 0],
        ["progress", 700],
      ],
      [{ atMs: 600, message: FIRST }],
    ],
    [
      "an answer that ended",
      [
        ["start", 0],
        ["progress", 100],
        ["stop", 200],
      ],
      [],
    ],
  ])("%s", (_, steps, expected) => {
    const { clock, timeout, timeouts } = setUp()
    let atMs = 0
    for (const [method, stepAtMs] of steps) {
      clock.advance(stepAtMs - atMs)
      atMs = stepAtMs
      timeout[method]()
    }
    clock.advance(10_000)
    expect(timeouts).toEqual(expected)
    expect(clock.sweep.size).toBe(0)
  })
})

test("a gap limit below the first limit counts from the part that arrived", () => {
  const { clock, timeout, timeouts } = setUp({ firstTokenMs: 6_000, tokenGapMs: 100 })
  timeout.start()
  clock.advance(50)
  timeout.progress()
  clock.advance(1_000)
  expect(timeouts).toEqual([
    { atMs: 150, message: "no data from the model for 100 ms in the middle of an answer" },
  ])
})

test("a thousand parts leave one deadline", () => {
  const { clock, timeout, timeouts } = setUp()
  timeout.start()
  for (let part = 0; part < 1_000; part++) {
    clock.advance(20)
    timeout.progress()
  }
  expect({ deadlines: clock.sweep.size, timeouts }).toEqual({ deadlines: 1, timeouts: [] })
  timeout.stop()
  expect(clock.sweep.size).toBe(0)
})
