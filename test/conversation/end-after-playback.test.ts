/** When a session ends: after everything was heard, at its limit, or at once. */

import { expect, test } from "bun:test"
import type { SessionEnd } from "../../src/call/session-end.ts"
import { EndAfterPlayback } from "../../src/conversation/end-after-playback.ts"
import { TestClock } from "../lib/test-clock.ts"

const END: SessionEnd = { reason: "agent-ended", detail: "Ending the call" }

type Step =
  | "request"
  | "request after speech"
  | "recheck"
  | "heard"
  | "close"
  /** Milliseconds that pass. */
  | number
  /** The output's answers from here on: what is left to hear lasts so long, or is heard by then. */
  | { heardInMs: number | undefined; quietInMs?: number }

/** Plays the steps. Returns after how many milliseconds the session ended, and whether the conversation is open. */
function played(steps: readonly Step[], { limitMs, withinMs }: { limitMs?: number; withinMs?: number } = {}) {
  using clock = new TestClock()
  const startedAt = clock.now()
  const ends: number[] = []
  let heardBy: number | undefined
  let quietAt = 0
  const ending = new EndAfterPlayback({
    output: { quietAt: () => quietAt, heardBy: () => heardBy },
    ...(limitMs === undefined ? {} : { limitMs }),
    end: (end) => {
      expect(end).toBe(END)
      ends.push(clock.now() - startedAt)
    },
    sweep: clock.sweep,
  })
  for (const step of steps) {
    if (typeof step === "number") clock.advance(step)
    else if (typeof step === "object") {
      heardBy = step.heardInMs === undefined ? undefined : clock.monotonic() + step.heardInMs
      quietAt = clock.monotonic() + (step.quietInMs ?? 0)
    } else if (step === "request") ending.request(END)
    else if (step === "request after speech")
      ending.requestAfterSpeech(END, withinMs === undefined ? {} : { withinMs })
    else if (step === "recheck") ending.recheck()
    else if (step === "heard") ending.now()
    else ending.close()
  }
  return { ends, isOpen: ending.isOpen, deadlines: clock.sweep.size }
}

test.each([
  ["in silence it ends at once", ["request"], {}, [0]],
  ["speech is heard first", [{ heardInMs: 500 }, "request", 499, 1, 1000], {}, [500]],
  [
    "a report that all was heard ends it early",
    [{ heardInMs: 500 }, "request", 100, "heard", 1000],
    {},
    [100],
  ],
  ["only the first request counts", [{ heardInMs: 500 }, "request", 100, "request", 1000], {}, [500]],
  [
    "speech that turns out longer is waited for",
    [{ heardInMs: 500 }, "request", 400, { heardInMs: 700 }, "recheck", 1000],
    {},
    [1100],
  ],
  [
    "speech that turns out shorter is not",
    [{ heardInMs: 500 }, "request", 100, { heardInMs: undefined }, "recheck", 1000],
    {},
    [100],
  ],
  [
    "the limit counts from the end that was expected",
    [{ heardInMs: Number.POSITIVE_INFINITY, quietInMs: 300 }, "request", 1_000_000],
    { limitMs: 200 },
    [500],
  ],
  [
    "the limit holds whatever is reported later",
    [{ heardInMs: 100 }, "request", 100, { heardInMs: 900 }, "recheck", 900],
    { limitMs: 200 },
    [100],
  ],
  ["speech that is being made is waited for", ["request after speech", 5000], {}, []],
  [
    "and then its playback",
    ["request after speech", 200, { heardInMs: 300 }, "recheck", 1000],
    { withinMs: 1000 },
    [500],
  ],
  ["for so long at most", ["request after speech", 5000], { withinMs: 1000 }, [1000]],
  ["an interruption ends it before it was said", ["request after speech", 10, "heard", 5000], {}, [10]],
  ["a socket that closes is not ended", [{ heardInMs: 500 }, "request", 100, "close", 5000], {}, []],
] satisfies [string, Step[], object, number[]][])("%s", (_, steps, options, ends) => {
  expect(played(steps, options)).toMatchObject({ ends, isOpen: false })
})

test("before a request nothing ends, and the conversation is open", () => {
  expect(played(["recheck", "heard", 1000])).toEqual({ ends: [], isOpen: true, deadlines: 0 })
})
