/** Finds speech on a phone line by its loudness alone, in the time of the audio and not of a clock. Pure. */

import { decodeMulaw, MULAW_BYTES_PER_MS } from "./mulaw.ts"

export type SpeechSettings = { threshold: number; prefixPaddingMs: number; silenceDurationMs: number }

/** All times in milliseconds of audio since the first byte. `audio`: from the padding before the speech to its end. */
export type SpeechChange =
  | { type: "started"; audioStartMs: number }
  | { type: "stopped"; audioEndMs: number; speechMs: number; audio: Uint8Array }

const FRAME_MS = 20
const FRAME_BYTES = FRAME_MS * MULAW_BYTES_PER_MS
/** Loud frames in a row that make speech: a click is shorter. */
const LOUD_FRAMES = 3
/** Mean of the absolute samples at a threshold of 1; 0.5 means half of it. */
const LOUDEST = 1_600
/** What is kept of one utterance. */
const MAX_KEPT_FRAMES = 15_000 / FRAME_MS

export class SpeechDetector {
  #settings: SpeechSettings
  #rest = new Uint8Array(0)
  #frames: Uint8Array[] = []
  #heardMs = 0
  #loudInRow = 0
  #quietMs = 0
  #startedMs: number | null = null

  constructor(settings: SpeechSettings) {
    this.#settings = settings
  }

  get isSpeaking(): boolean {
    return this.#startedMs !== null
  }

  /** Milliseconds of audio fed so far. */
  get heardMs(): number {
    return this.#heardMs
  }

  change(settings: SpeechSettings): void {
    this.#settings = settings
  }

  /** Forgets what was said and not finished; time continues. */
  clear(): void {
    this.#frames = []
    this.#startedMs = null
    this.#loudInRow = 0
  }

  /** The audio that has been kept, and its end: for a commit without detection. */
  take(): Uint8Array {
    const audio = Buffer.concat(this.#frames)
    this.clear()
    return audio
  }

  /** Takes mu-law of any length. */
  push(bytes: Uint8Array): SpeechChange[] {
    const all = Buffer.concat([this.#rest, bytes])
    const whole = all.length - (all.length % FRAME_BYTES)
    this.#rest = all.subarray(whole)
    const changes: SpeechChange[] = []
    for (let at = 0; at < whole; at += FRAME_BYTES) {
      const change = this.#frame(all.subarray(at, at + FRAME_BYTES))
      if (change) changes.push(change)
    }
    return changes
  }

  #frame(frame: Uint8Array): SpeechChange | undefined {
    const { threshold, prefixPaddingMs, silenceDurationMs } = this.#settings
    this.#heardMs += FRAME_MS
    this.#keep(frame)
    const isLoud = loudnessOf(frame) > threshold * LOUDEST
    this.#loudInRow = isLoud ? this.#loudInRow + 1 : 0
    if (this.#startedMs === null) {
      if (this.#loudInRow < LOUD_FRAMES) return undefined
      this.#startedMs = this.#heardMs - LOUD_FRAMES * FRAME_MS
      this.#quietMs = 0
      return { type: "started", audioStartMs: Math.max(0, this.#startedMs - prefixPaddingMs) }
    }
    this.#quietMs = isLoud ? 0 : this.#quietMs + FRAME_MS
    if (this.#quietMs < silenceDurationMs) return undefined
    const speechMs = this.#heardMs - this.#quietMs - this.#startedMs
    return { type: "stopped", audioEndMs: this.#heardMs, speechMs, audio: this.take() }
  }

  #keep(frame: Uint8Array): void {
    this.#frames.push(frame)
    const padding = Math.ceil(this.#settings.prefixPaddingMs / FRAME_MS) + LOUD_FRAMES
    const most = this.#startedMs === null ? padding : MAX_KEPT_FRAMES
    if (this.#frames.length > most) this.#frames.shift()
  }
}

function loudnessOf(frame: Uint8Array): number {
  let sum = 0
  for (const sample of decodeMulaw(frame)) sum += Math.abs(sample)
  return sum / frame.length
}
