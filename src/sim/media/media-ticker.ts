/** The one deadline that moves all media streams of an account: it comes with each visit of the sweep while there are any. */

import { getLog } from "../../lib/log.ts"
import type { Sweep } from "../../lib/sweep.ts"

const log = getLog("sim")

export class MediaPulse {
  readonly #sweep: Sweep
  readonly #beats = new Set<() => void>()
  #armed = false

  constructor(sweep: Sweep) {
    this.#sweep = sweep
  }

  /** Calls `beat` with each visit until cancelled; how much time has passed is for the clock to say. */
  join(beat: () => void): () => void {
    this.#beats.add(beat)
    this.#arm()
    return () => void this.#beats.delete(beat)
  }

  #arm(): void {
    if (this.#armed || this.#beats.size === 0) return
    this.#armed = true
    // Whatever the sweep's step is, this is due at its next one.
    this.#sweep.after(1, () => {
      this.#armed = false
      for (const beat of this.#beats) {
        try {
          beat()
        } catch (error) {
          // The other streams go on.
          log.error("media stream failed", { error })
        }
      }
      this.#arm()
    })
  }
}
