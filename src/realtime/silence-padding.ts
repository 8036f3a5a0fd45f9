/**
 * Makes a turn of the caller end when the sound of it stops coming: without sound a server's voice detection hears no
 * pause, and the turn would never end. (OpenAI: "Voice activity detection".)
 */

import { silence } from "../audio/mulaw.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallerAudio } from "../media/caller-audio.ts"

/** Sound comes every 20 ms; a gap of this length is no jitter. */
const GAP_MS = 750
/** Longer than the pause that ends a turn. */
const SILENCE = silence(1_000).toBase64()

type FilledSound = Pick<CallerAudio, "pieces" | "fill">

export class SilencePadding {
  readonly #sound: FilledSound
  readonly #sweep: Sweep
  #cancel = () => {}

  constructor({ sound, sweep }: { sound: FilledSound; sweep: Sweep }) {
    this.#sound = sound
    this.#sweep = sweep
  }

  /** The caller speaks from now on. */
  start(): void {
    this.stop()
    let { pieces } = this.#sound
    this.#cancel = this.#sweep.every(GAP_MS, () => {
      if (this.#sound.pieces === pieces) this.#sound.fill(SILENCE)
      pieces = this.#sound.pieces
    })
  }

  /** The caller has finished, or is gone. */
  stop(): void {
    this.#cancel()
  }
}
