/** One deadline for all media streams of an account, due at each tick of the sweep while there are streams. */

import { getLog } from "../../lib/log.ts"
import type { Sweep } from "../../lib/sweep.ts"

const log = getLog("sim")

export class MediaTicker {
  readonly #sweep: Sweep
  readonly #ticks = new Set<() => void>()
  #armed = false

  constructor(sweep: Sweep) {
    this.#sweep = sweep
  }

  /** Calls `tick` at each tick of the sweep until cancelled. The elapsed time comes from the clock. */
  join(tick: () => void): () => void {
    this.#ticks.add(tick)
    this.#arm()
    return () => void this.#ticks.delete(tick)
  }

  #arm(): void {
    if (this.#armed || this.#ticks.size === 0) return
    this.#armed = true
    // Due at the next tick of the sweep, whatever its interval.
    this.#sweep.after(1, () => {
      this.#armed = false
      for (const tick of this.#ticks) {
        try {
          tick()
        } catch (error) {
          // One failing stream must not stop the others.
          log.error("media stream failed", { error })
        }
      }
      this.#arm()
    })
  }
}
