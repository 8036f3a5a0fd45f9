/** Notices a worker whose event loop hangs: its process runs, and nothing in it does. */

import type { Sweep } from "../../lib/sweep.ts"

export type WorkerWatchOptions = {
  /** How long the worker may say nothing, in milliseconds. */
  stallMs: number
  sweep: Sweep
  onStalled: () => void
}

/** A machine that was suspended, or a supervisor that was, counts one check for the whole time. */
const CHECKS = 5

/** How often a worker has to say that it is alive, in milliseconds. */
export function beatMs(stallMs: number): number {
  return stallMs / CHECKS
}

export class WorkerWatch {
  readonly #cancel: () => void
  #silentChecks = 0

  constructor({ stallMs, sweep, onStalled }: WorkerWatchOptions) {
    this.#cancel = sweep.every(stallMs / CHECKS, () => {
      this.#silentChecks += 1
      if (this.#silentChecks <= CHECKS) return
      this.stop()
      onStalled()
    })
  }

  alive(): void {
    this.#silentChecks = 0
  }

  stop(): void {
    this.#cancel()
  }
}
