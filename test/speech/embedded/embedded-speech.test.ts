/** Speech without an account: Flite speaks, and the words of simulated callers are read from the sound. */

import { expect, test } from "bun:test"
import { decodeMulaw, silence } from "../../../src/audio/mulaw.ts"
import { EmbeddedTranscriber } from "../../../src/speech/embedded/embedded-transcriber.ts"
import { FLITE_VOICES, speakWithFlite } from "../../../src/speech/embedded/flite.ts"
import { simulatedSpeech } from "../../../src/speech/embedded/simulated-speech.ts"
import type { TranscriberEvent } from "../../../src/speech/transcriber.ts"
import { AwaitableLog } from "../../../src/sim/awaitable-log.ts"

const loudness = (audio: Uint8Array) =>
  decodeMulaw(audio).reduce((sum, sample) => sum + Math.abs(sample), 0) / audio.length

test.each(FLITE_VOICES)("voice %s speaks at the rate and loudness of a phone line", async (voice) => {
  const audio = await speakWithFlite("Hello, this is a test.", { voice })
  expect(audio.length / 8).toBeGreaterThan(1_000)
  expect(audio.length / 8).toBeLessThan(3_500)
  expect(loudness(audio)).toBeGreaterThan(400)
})

test("the same sentence sounds the same, and a faster one is shorter", async () => {
  const [one, two, fast] = await Promise.all([
    speakWithFlite("Good morning."),
    speakWithFlite("Good morning."),
    speakWithFlite("Good morning.", { speed: 1.5 }),
  ])
  expect(Buffer.from(one).equals(two)).toBe(true)
  expect(fast.length).toBeLessThan(one.length * 0.8)
})

test("options of the program and zero bytes in a text are spoken, not obeyed", async () => {
  const audio = await speakWithFlite("-v --help \0 -lv")
  expect(audio.length).toBeGreaterThan(1_000)
})

function listen() {
  const events = new AwaitableLog<TranscriberEvent>("events")
  const transcriber = new EmbeddedTranscriber("conversation", (event) => events.push(event))
  const hear = (audio: Uint8Array) => {
    for (let at = 0; at < audio.length; at += 160) transcriber.hear(audio.subarray(at, at + 160))
  }
  const next = (type: TranscriberEvent["type"]) => events.next((event) => event.type === type)
  return { events, transcriber, hear, next }
}

test("a simulated caller is understood: speech begins, the words come, the turn ends once", async () => {
  const { events, transcriber, hear, next } = listen()
  await next("ready")
  for (const text of ["Do you have a table?", "For two, please."]) {
    hear(await simulatedSpeech(text))
    hear(silence(1_000))
    expect(await next("turn-ended")).toMatchObject({ text })
  }
  transcriber.close()
  await next("closed")
  expect(events.all.map(({ type }) => type)).toEqual([
    "ready",
    "speech-started",
    "interim",
    "turn-ended",
    "speech-started",
    "interim",
    "turn-ended",
    "closed",
  ])
})

test("speech without words ends as a turn without words", async () => {
  const { hear, next, transcriber } = listen()
  hear(await speakWithFlite("Nobody understands this."))
  hear(silence(1_000))
  expect(await next("turn-ended")).toMatchObject({ text: "" })
  transcriber.close()
})
