/** What every `SpeechOutput` promises, whatever protocol is behind it. */

import { describe, expect, test } from "bun:test"
import { EndAfterPlayback } from "../../src/conversation/end-after-playback.ts"
import type { SpeechOutput } from "../../src/conversation/speech-output.ts"
import type { TestClock } from "../lib/test-clock.ts"

/** One output, and the other side of it. */
export type SpeechOutputSubject = Disposable & {
  output: SpeechOutput
  clock: TestClock
  /** All text that the other side was given to speak, in the order of speaking. */
  spoken(): string
  /** Whether touch tones were sent since the last call. */
  sentDigits(): boolean
  /** Time passes until the caller has heard everything, which the other side reports if it reports at all. */
  hearAll(): void
}

const SENTENCE = "Your table is booked for nine."

export function speechOutputContract(name: string, open: () => SpeechOutputSubject) {
  describe(`speech output: ${name}`, () => {
    test("an answer is spoken once it is complete, and not twice", () => {
      using s = open()
      s.output.text("Good ")
      s.output.text("day.")
      s.output.finish()
      s.output.finish()
      expect(s.spoken()).toBe("Good day.")
    })

    test("an answer without text says nothing", () => {
      using s = open()
      s.output.finish()
      expect({ spoken: s.spoken(), heardBy: s.output.heardBy() }).toEqual({ spoken: "", heardBy: undefined })
    })

    test("a sentence in the middle of an answer takes nothing from the answer", () => {
      using s = open()
      s.output.text("Good ")
      s.output.sentence("Moment!", { preemptible: true })
      s.output.text("day.")
      s.output.finish()
      expect(s.spoken()).toContain("Moment!")
      expect(s.spoken().replace("Moment!", "")).toBe("Good day.")
    })

    test("while muted nothing is said, digits go out, and what comes afterwards is heard", () => {
      using s = open()
      s.output.muted = true
      s.output.sentence(SENTENCE)
      s.output.text("Good day.")
      s.output.finish()
      s.output.act({ type: "send-digits", digits: "12" })
      expect({ spoken: s.spoken(), sentDigits: s.sentDigits() }).toEqual({ spoken: "", sentDigits: true })
      s.output.muted = false
      expect(s.output.muted).toBe(false)
      s.output.sentence(SENTENCE)
      expect(s.spoken()).toBe(SENTENCE)
    })

    test.each([
      ["play-media", { type: "play-media", source: "https://example.com/a.mp3" }],
      ["switch-language", { type: "switch-language", ttsLanguage: "de-DE" }],
    ] as const)("%s says nothing and harms nothing", (_, action) => {
      using s = open()
      s.output.act(action)
      s.output.sentence(SENTENCE)
      expect(s.spoken()).toBe(SENTENCE)
    })

    test("it knows when everything will have been heard", () => {
      using s = open()
      expect(s.output.quietAt()).toBeLessThanOrEqual(s.clock.monotonic())
      expect(s.output.heardBy()).toBeUndefined()
      s.output.sentence(SENTENCE)
      const quietAt = s.output.quietAt()
      expect(quietAt).toBeGreaterThan(s.clock.monotonic())
      expect(s.output.heardBy()).toBeGreaterThanOrEqual(quietAt)
      s.output.sentence(SENTENCE)
      expect(s.output.quietAt()).toBeGreaterThan(quietAt)
      s.hearAll()
      expect(s.output.quietAt()).toBeLessThanOrEqual(s.clock.monotonic())
      expect(s.output.heardBy()).toBeUndefined()
    })

    test("after an interruption nothing is left to be heard, and nothing of the answer is spoken later", () => {
      using s = open()
      s.output.sentence(SENTENCE)
      s.output.text("Good ")
      s.output.interrupt()
      expect(s.output.quietAt()).toBeLessThanOrEqual(s.clock.monotonic())
      expect(s.output.heardBy()).toBeUndefined()
      const before = s.spoken()
      s.output.finish()
      expect(s.spoken()).toBe(before)
    })

    test.each([
      ["after everything was heard", (s: SpeechOutputSubject) => s.hearAll()],
      ["though nothing is reported", (s: SpeechOutputSubject) => s.clock.advance(60_000)],
    ])("the session ends %s", (_, happens) => {
      using s = open()
      const ends: number[] = []
      const ending = new EndAfterPlayback({
        output: s.output,
        end: () => void ends.push(s.clock.monotonic()),
        sweep: s.clock.sweep,
      })
      s.output.sentence(SENTENCE)
      const quietAt = s.output.quietAt()
      ending.request({ reason: "agent-ended", detail: "" })
      expect(ends).toEqual([])
      happens(s)
      ending.recheck()
      expect(ends).toHaveLength(1)
      expect(ends[0]).toBeGreaterThanOrEqual(quietAt)
    })
  })
}
