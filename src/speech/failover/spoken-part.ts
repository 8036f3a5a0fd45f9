/** What one provider speaks of an utterance: its audio, how much of the text that is, and what is held back. */

import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"
import { isSpeakable } from "../speakable.ts"
import { SpokenText } from "../spoken-text.ts"
import type { OpenSynthesizer, SpeechUtterance, Synthesizer } from "../synthesizer.ts"
import type { Named } from "./attempts.ts"

/** `timed`: the provider reports a position at the end of each word, together with the audio. */
export type SpeakProvider = Named<OpenSynthesizer> & { readonly timed: boolean }

/** One provider at work. `msPerCharacter`: the pace of its voice, as its last utterance showed. */
export type SpeakLine = {
  readonly provider: SpeakProvider
  readonly synthesizer: Synthesizer
  msPerCharacter: number
  isLost: boolean
}

/** Share of a text whose audio may be missing by the estimate though all of it has come. */
const TOLERANCE = 0.25

export class SpokenPart {
  readonly line: SpeakLine
  /** Where the part begins in the utterance. */
  readonly baseChars: number
  readonly baseMs: number
  readonly #spoken: SpokenText
  #held: Uint8Array[] = []
  #audioMs = 0
  /** Of the part, what was passed on. */
  #passedMs = 0
  /** Set by the owner, which has the listener. */
  utterance: SpeechUtterance | undefined

  constructor(line: SpeakLine, baseChars: number, baseMs: number) {
    this.line = line
    this.baseChars = baseChars
    this.baseMs = baseMs
    this.#spoken = new SpokenText({ msPerCharacter: line.msPerCharacter })
  }

  get hasAudio(): boolean {
    return this.#audioMs > 0
  }

  /** Milliseconds for a character, as this part shows. */
  get pace(): number {
    return this.#audioMs / Math.max(1, this.#spoken.text.length)
  }

  /** End of the audio that was passed on, in milliseconds of the utterance. */
  get passedMs(): number {
    return this.baseMs + this.#passedMs
  }

  say(clause: string): void {
    this.#spoken.add(clause)
    this.utterance?.say(clause)
  }

  /** Takes audio of the provider; returns what may be passed on: of a word whose end is not known yet, nothing. */
  audio(audio: Uint8Array): readonly Uint8Array[] {
    this.#audioMs += audio.length / MULAW_BYTES_PER_MS
    if (this.line.provider.timed) {
      this.#held.push(audio)
      return []
    }
    this.#passedMs = this.#audioMs
    return [audio]
  }

  /** A position became known. Returns held audio up to it. */
  position(chars: number, ms: number): readonly Uint8Array[] {
    this.#spoken.position(chars, ms)
    return this.#release(ms)
  }

  /** All audio has come. Returns what was held. */
  done(): readonly Uint8Array[] {
    return this.#release(this.#audioMs)
  }

  /** Characters of the utterance that the passed audio has spoken, in whole words. */
  get spokenChars(): number {
    if (this.#passedMs === 0) return this.baseChars
    return this.baseChars + this.#spoken.until(this.#passedMs).length
  }

  /** Whether audio of the text is still to come. `isFinished`: no more text follows. */
  isPending(isFinished: boolean): boolean {
    const { text, isKnown } = this.#spoken
    if (!isSpeakable(text)) return false
    if (this.#audioMs === 0) return true
    if (isKnown) return false
    const rest = text.slice(this.#spoken.charsAt(this.#audioMs))
    // A pause of the model is no silence of the provider: what is left may be an error of the estimate.
    return (
      isSpeakable(rest) && (rest.length > text.length * TOLERANCE || (isFinished && this.line.provider.timed))
    )
  }

  #release(untilMs: number): readonly Uint8Array[] {
    const released: Uint8Array[] = []
    let bytes = Math.round((untilMs - this.#passedMs) * MULAW_BYTES_PER_MS)
    while (bytes > 0) {
      const [first] = this.#held
      if (!first) break
      this.#held.shift()
      if (first.length > bytes) this.#held.unshift(first.subarray(bytes))
      const part = first.subarray(0, bytes)
      released.push(part)
      bytes -= part.length
      this.#passedMs += part.length / MULAW_BYTES_PER_MS
    }
    return released
  }
}
