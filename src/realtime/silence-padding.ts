/**
 * Sends silence to the model when the caller's audio stops coming in the middle of a turn: without audio the server's voice
 * activity detection finds no pause, and the turn never ends. Source: OpenAI "Voice activity detection".
 */

import { silence } from "../audio/mulaw.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallerAudio } from "../media/caller-audio.ts"

/** Audio comes every 20 ms; a gap of this length is more than jitter. */
const GAP_MS = 750
/** Longer than the pause that ends a turn. */
const SILENCE = silence(1_000).toBase64()

type PaddedAudio = Pick<CallerAudio, "pieces" | "fill">

export class SilencePadding {
  readonly #callerAudio: PaddedAudio
  readonly #sweep: Sweep
  #cancel = () => {}

  constructor({ callerAudio, sweep }: { callerAudio: PaddedAudio; sweep: Sweep }) {
    this.#callerAudio = callerAudio
    this.#sweep = sweep
  }

  /** The caller speaks from now on. */
  start(): void {
    this.stop()
    let { pieces } = this.#callerAudio
    this.#cancel = this.#sweep.every(GAP_MS, () => {
      if (this.#callerAudio.pieces === pieces) this.#callerAudio.fill(SILENCE)
      pieces = this.#callerAudio.pieces
    })
  }

  /** The caller has finished or hung up. */
  stop(): void {
    this.#cancel()
  }
}
