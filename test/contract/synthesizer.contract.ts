/** What every `Synthesizer` promises, whatever vendor is behind it. Each one runs against a fake of the vendor's wire. */

import { describe, expect, test } from "bun:test"
import type { SpeechServices } from "../../src/speech/connection.ts"
import type { SpeechFailure } from "../../src/speech/failure.ts"
import type { OpenSynthesizer, Synthesizer, UtteranceEvent } from "../../src/speech/synthesizer.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import { speechServices } from "../speech/speech-fixture.ts"

/** A fake of the vendor. `textOf`: what audio says. */
export type SynthesizerFake = AsyncDisposable & {
  /** HTTP status that answers from now on. */
  refuse: number | undefined
  /** Whether text is spoken as it is flushed. While false, nothing is answered. */
  speaks: boolean
  /** Everything that the vendor was asked to speak. */
  said: () => string
  /** Sends audio of the first characters that were not spoken yet, then breaks the connection. */
  breakAfter: (characters: number) => Promise<void>
}

export type SynthesizerSubject = {
  start: () => SynthesizerFake
  open: (fake: SynthesizerFake, services: SpeechServices) => OpenSynthesizer
  /** Milliseconds of audio for each character. */
  msPerCharacter: number
  /** The text of audio. */
  textOf: (audio: Uint8Array) => string
  /** Whether a lost connection is noticed between utterances; not so where each utterance makes its own requests. */
  hasConnection: boolean
  /** Opens another connection when one is lost; what it does then its own tests show. */
  recovers?: boolean
}

export function synthesizerContract(name: string, subject: SynthesizerSubject) {
  const { textOf, msPerCharacter } = subject
  const begin = () => {
    const fake = subject.start()
    const fixture = speechServices()
    const losses: SpeechFailure[] = []
    const opened: Synthesizer[] = []
    return {
      fake,
      ...fixture,
      losses,
      open() {
        const made = subject.open(fake, fixture.services)((failure) => losses.push(failure))
        opened.push(made)
        return made
      },
      async [Symbol.asyncDispose]() {
        for (const made of opened) made.close()
        await fake[Symbol.asyncDispose]()
        fixture[Symbol.dispose]()
      },
    }
  }
  const utterance = (synthesizer: Synthesizer) => {
    const events = new AwaitableLog<UtteranceEvent>(`utterance of ${name}`)
    const made = synthesizer.speak((event) => events.push(event))
    const audio = () =>
      Buffer.concat(events.all.flatMap((event) => (event.type === "audio" ? [event.audio] : [])))
    return {
      say: (clause: string) => made.say(clause),
      finish: () => made.finish(),
      cancel: (heardMs: number) => made.cancel(heardMs),
      events,
      audio,
      heard: () => textOf(audio()),
      next: <T extends UtteranceEvent["type"]>(type: T) =>
        events.next((event) => event.type === type) as Promise<Extract<UtteranceEvent, { type: T }>>,
      positions: () => events.all.flatMap((event) => (event.type === "position" ? [event] : [])),
    }
  }

  describe(`synthesizer: ${name}`, () => {
    test("clauses are spoken in order, whole and once, and then it is done", async () => {
      await using s = begin()
      const said = utterance(s.open())
      for (const clause of ["Good day, ", "how can ", "I help you?"]) said.say(clause)
      said.finish()
      said.finish()
      await said.next("done")
      expect(said.heard()).toBe("Good day, how can I help you?")
      expect(said.events.all.at(-1)).toEqual({ type: "done" })
    })

    test("clauses that come while earlier ones are spoken follow them", async () => {
      await using s = begin()
      const said = utterance(s.open())
      said.say("First this, ")
      said.say("and then that.")
      said.finish()
      said.say(" Too late.")
      await said.next("done")
      expect(said.heard()).toBe("First this, and then that.")
    })

    test("positions grow, and the last one is the whole text in the whole audio", async () => {
      await using s = begin()
      const said = utterance(s.open())
      const text = "One two three. Four five six."
      said.say(text.slice(0, 15))
      said.say(text.slice(15))
      said.finish()
      await said.next("done")
      const positions = said.positions()
      expect(positions.at(-1)).toEqual({ type: "position", chars: text.length, ms: said.audio().length / 8 })
      for (const [at, { chars, ms }] of positions.entries()) {
        const before = positions[at - 1] ?? { chars: 0, ms: 0 }
        expect(chars).toBeGreaterThanOrEqual(before.chars)
        expect(ms).toBeGreaterThanOrEqual(before.ms)
      }
    })

    test("an utterance without words is done without audio", async () => {
      await using s = begin()
      const synthesizer = s.open()
      const empty = utterance(synthesizer)
      empty.finish()
      const dots = utterance(synthesizer)
      dots.say("… ")
      dots.finish()
      const said = utterance(synthesizer)
      said.say("Hello.")
      said.finish()
      await Promise.all([empty.next("done"), dots.next("done"), said.next("done")])
      expect([empty.heard(), dots.heard(), said.heard()]).toEqual(["", "", "Hello."])
    })

    test("an utterance that is begun before the last one is done follows it", async () => {
      await using s = begin()
      const synthesizer = s.open()
      const order: string[] = []
      const first = utterance(synthesizer)
      const second = utterance(synthesizer)
      for (const [said, text] of [
        [first, "First."],
        [second, "Second."],
      ] as const) {
        said.events.listen(({ type }) => type === "audio" && !order.includes(text) && order.push(text))
      }
      second.say("Second.")
      second.finish()
      first.say("First.")
      first.finish()
      await second.next("done")
      expect([first.heard(), second.heard()]).toEqual(["First.", "Second."])
      expect(order).toEqual(["First.", "Second."])
    })

    test("after a cancellation no audio follows, and the next utterance is whole", async () => {
      await using s = begin()
      const synthesizer = s.open()
      const cut = utterance(synthesizer)
      cut.say("One two three four five six.")
      await cut.next("audio")
      cut.cancel(8 * msPerCharacter)
      const { length } = cut.audio()
      cut.say(" Seven.")
      cut.finish()
      cut.cancel(8 * msPerCharacter)
      const next = utterance(synthesizer)
      next.say("Yes?")
      next.finish()
      await next.next("done")
      expect(next.heard()).toBe("Yes?")
      expect(cut.audio().length).toBe(length)
      expect(cut.events.all.some(({ type }) => type === "done" || type === "failed")).toBe(false)
      expect(s.fake.said()).not.toContain("Seven")
    })

    test("an utterance that waits is never spoken once it is cancelled", async () => {
      await using s = begin()
      const synthesizer = s.open()
      const first = utterance(synthesizer)
      const second = utterance(synthesizer)
      const third = utterance(synthesizer)
      second.say("Never.")
      second.finish()
      second.cancel(0)
      for (const [said, text] of [
        [first, "First."],
        [third, "Third."],
      ] as const) {
        said.say(text)
        said.finish()
      }
      await third.next("done")
      expect(second.events.all).toEqual([])
      expect(s.fake.said()).not.toContain("Never")
    })

    test("cancelling what is done already harms nothing", async () => {
      await using s = begin()
      const synthesizer = s.open()
      const said = utterance(synthesizer)
      said.say("One two three.")
      said.finish()
      await said.next("done")
      said.cancel(8 * msPerCharacter)
      const next = utterance(synthesizer)
      next.say("Next.")
      next.finish()
      await next.next("done")
      expect(next.heard()).toBe("Next.")
    })

    test.skipIf(subject.recovers === true).each([
      [401, "refused", false],
      [429, "rate-limited", true],
      [503, "rejected", true],
    ] as const)("status %d: %s", async (status, reason, retryable) => {
      await using s = begin()
      s.fake.refuse = status
      const said = utterance(s.open())
      said.say("Hello.")
      said.finish()
      expect((await said.next("failed")).failure).toMatchObject({ reason, retryable, status })
      expect(said.heard()).toBe("")
      said.cancel(0)
      expect(said.events.all).toHaveLength(1)
      if (subject.hasConnection) expect(s.losses).toHaveLength(1)
    })

    test.skipIf(subject.recovers === true)(
      "a connection that breaks in the middle of a word: what came is kept, then it fails",
      async () => {
        await using s = begin()
        s.fake.speaks = false
        const synthesizer = s.open()
        const said = utterance(synthesizer)
        said.say("Good morning to you.")
        await s.fake.breakAfter(7)
        expect((await said.next("failed")).failure).toMatchObject({ reason: "closed", retryable: true })
        expect("Good morning").toStartWith(said.heard())
        expect(said.events.all.filter(({ type }) => type === "failed")).toHaveLength(1)
        if (!subject.hasConnection) return
        expect(s.losses).toHaveLength(1)
        const late = utterance(synthesizer)
        late.say("Too late.")
        expect((await late.next("failed")).failure.reason).toBe("closed")
      },
    )

    test("closing ends every utterance without events; twice is once", async () => {
      await using s = begin()
      s.fake.speaks = false
      const synthesizer = s.open()
      const said = utterance(synthesizer)
      said.say("Hello.")
      synthesizer.close()
      synthesizer.close()
      said.say("More.")
      said.finish()
      said.cancel(0)
      expect(said.events.all).toEqual([])
      expect(s.losses).toEqual([])
    })
  })
}
