/**
 * Finds speech in mu-law by its loudness alone: for the embedded engine and for tests. A model's own detection is better;
 * on a line with steady noise above the threshold this one hears speech without end.
 */

import { decodeMulaw, MULAW_BYTES_PER_MS } from "./mulaw.ts"

/** `atMs` counts from the first sample that was heard, and may lie before the frame that told it. */
export type SpeechEdge =
  /** `atMs` lies `paddingMs` before the first loud sound, but not before the end of the last speech. */
  | { type: "started"; atMs: number }
  /** `atMs` is the moment it was told: the silence that ended the speech lies before it. */
  | { type: "stopped"; atMs: number }

export type SpeechDetectorOptions = {
  /** Loudness of speech, as the root of the mean square of 16-bit samples. Quiet speech on a phone has about 800. */
  threshold?: number
  /** How much of it must be loud before it is speech, in milliseconds: a click is none. */
  startMs?: number
  /** How long it must be silent to be over. */
  stopMs?: number
  paddingMs?: number
}

/** Loudness is measured over 20 ms, whatever the size of the frames. */
const WINDOW_MS = 20
const WINDOW_BYTES = WINDOW_MS * MULAW_BYTES_PER_MS
/** The square of each byte's sample. */
const SQUARES = Float64Array.from(
  decodeMulaw(Uint8Array.from({ length: 256 }, (_, byte) => byte)),
  (s) => s * s,
)

export class SpeechDetector {
  readonly #energy: number
  readonly #startMs: number
  readonly #stopMs: number
  readonly #paddingMs: number
  #speaking = false
  #sum = 0
  #filled = 0
  #heardMs = 0
  /** Length of the loud stretch while silent, or of the silence while speaking. */
  #againstMs = 0
  #lastEndMs = 0

  constructor({ threshold = 600, startMs = 60, stopMs = 500, paddingMs = 300 }: SpeechDetectorOptions = {}) {
    this.#energy = threshold * threshold * WINDOW_BYTES
    this.#startMs = startMs
    this.#stopMs = stopMs
    this.#paddingMs = paddingMs
  }

  get speaking(): boolean {
    return this.#speaking
  }

  /** Hears mu-law of any length and tells the last change in it, if there was one. Frames of 20 ms have one at most. */
  hear(frame: Uint8Array): SpeechEdge | undefined {
    let edge: SpeechEdge | undefined
    for (let at = 0; at < frame.length; at++) {
      this.#sum += SQUARES[frame[at] ?? 0] ?? 0
      if (++this.#filled === WINDOW_BYTES) edge = this.#window() ?? edge
    }
    return edge
  }

  #window(): SpeechEdge | undefined {
    const loud = this.#sum >= this.#energy
    this.#sum = 0
    this.#filled = 0
    this.#heardMs += WINDOW_MS
    if (loud === this.#speaking) {
      this.#againstMs = 0
      return undefined
    }
    this.#againstMs += WINDOW_MS
    if (this.#againstMs < (this.#speaking ? this.#stopMs : this.#startMs)) return undefined
    const againstMs = this.#againstMs
    this.#againstMs = 0
    this.#speaking = !this.#speaking
    if (this.#speaking) {
      return { type: "started", atMs: Math.max(this.#lastEndMs, this.#heardMs - againstMs - this.#paddingMs) }
    }
    this.#lastEndMs = this.#heardMs
    return { type: "stopped", atMs: this.#heardMs }
  }
}
