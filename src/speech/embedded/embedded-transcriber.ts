/**
 * A transcriber without an account, for simulated callers: they speak their sentences and append the words as a sound that
 * is read here (`src/audio/bell202.ts`). It understands nobody else: their speech ends as a turn without words.
 */

import { SoundReader } from "../../audio/bell202.ts"
import { SpeechDetector } from "../../audio/speech-detector.ts"
import type { Transcriber, TranscriberListener, TurnProfile } from "../transcriber.ts"
import { TurnWords } from "../turn-words.ts"

const SILENCE_MS: Record<TurnProfile, number> = { conversation: 800, menu: 400, dictation: 2_000 }

export class EmbeddedTranscriber implements Transcriber {
  readonly #listener: TranscriberListener
  readonly #words: TurnWords
  readonly #reader = new SoundReader()
  readonly #detector: SpeechDetector
  #phase: "ready" | "over" = "ready"

  constructor(profile: TurnProfile, listener: TranscriberListener) {
    this.#listener = listener
    this.#words = new TurnWords(listener)
    this.#detector = new SpeechDetector(settingsOf(profile))
    queueMicrotask(() => this.#phase === "ready" && listener({ type: "ready" }))
  }

  hear(audio: Uint8Array): void {
    if (this.#phase === "over") return
    const changes = this.#detector.push(audio)
    const texts = this.#reader.push(audio)
    if (changes.length === 0 && texts.length === 0) return
    const { heardMs } = this.#detector
    // Later, so that the listener hears of nothing during this call.
    queueMicrotask(() => {
      if (this.#phase === "over") return
      if (changes.some(({ type }) => type === "started")) this.#words.begin()
      for (const text of texts) this.#recognised(text, heardMs)
      if (changes.some(({ type }) => type === "stopped")) this.#words.end("", heardMs)
    })
  }

  expect(profile: TurnProfile): void {
    this.#detector.change(settingsOf(profile))
  }

  close(): void {
    if (this.#phase === "over") return
    this.#words.end("", this.#detector.heardMs)
    this.#phase = "over"
    this.#listener({ type: "closed" })
  }

  #recognised(text: string, heardMs: number): void {
    this.#words.interim(text)
    this.#words.end(text, heardMs)
    // The sound of the words is a part of the turn.
    this.#detector.clear()
  }
}

function settingsOf(profile: TurnProfile) {
  return { threshold: 0.5, prefixPaddingMs: 0, silenceDurationMs: SILENCE_MS[profile] }
}
