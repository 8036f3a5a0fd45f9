/**
 * Interruptions by voice: the agent pauses as soon as the caller has been audible for a while, and continues when it was a
 * cough or a sign of listening. Words decide; see `CallerTurns`.
 */

import { VoiceDetector } from "../audio/voice-detector.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { SpokenQueue } from "./spoken-queue.ts"

/** How long words may follow the caller's voice before it counts as a noise, in milliseconds. */
const WORDS_WITHIN_MS = 900

export type VoiceInterruptionOptions = {
  /** How long the caller must be audible, in milliseconds. */
  voiceMs: number
  /** A noise interrupts like words, instead of pausing the agent. */
  isFinal: boolean
  queue: Pick<SpokenQueue, "isSpeaking" | "isPaused" | "pause" | "resume">
  onInterruption: () => void
  sweep: Sweep
}

export class VoiceInterruption {
  readonly #options: VoiceInterruptionOptions
  readonly #detector = new VoiceDetector()
  #cancel = () => {}

  constructor(options: VoiceInterruptionOptions) {
    this.#options = options
  }

  /** A piece of the caller's audio, mu-law. */
  hear(audio: Uint8Array): void {
    const change = this.#detector.hear(audio)
    if (change === undefined) return
    const { queue, voiceMs } = this.#options
    if (change === "started") {
      if (queue.isSpeaking && !queue.isPaused) this.#after(voiceMs, () => this.#pause())
      return
    }
    if (queue.isPaused) this.#resumeLater()
    else this.#cancel()
  }

  /** What was heard is not an interruption. */
  dismissed(): void {
    this.#cancel()
    this.#options.queue.resume()
  }

  /** The agent was interrupted. */
  over(): void {
    this.#cancel()
  }

  /** The call is over. */
  close(): void {
    this.#cancel()
    this.#detector.close()
  }

  #pause(): void {
    // A click is over by now.
    if (this.#detector.quietMs > 0) return
    const { isFinal, queue, onInterruption } = this.#options
    if (isFinal && queue.isSpeaking) return onInterruption()
    queue.pause()
    // Words usually follow while the caller still speaks; a continuing noise has none.
    if (queue.isPaused) this.#resumeLater()
  }

  #resumeLater(): void {
    this.#after(WORDS_WITHIN_MS, () => this.#options.queue.resume())
  }

  #after(ms: number, run: () => void): void {
    this.#cancel()
    this.#cancel = this.#options.sweep.after(ms, run)
  }
}
