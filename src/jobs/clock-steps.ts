/** Notices that the clock of the machine was set while the process runs. */

import type { Clock } from "../lib/clock.ts"

/** Smaller differences are the clock being trimmed, and rounding. */
const LEAST_STEP_MS = 1_000

/** `ms`: by how much the clock was set. `before`: what it would show now if it had not been. */
export type ClockStep = { ms: number; before: number }

export class ClockSteps {
  readonly #clock: Clock
  #now: number
  #ms: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#now = clock.now()
    this.#ms = clock.monotonic()
  }

  /** The step since the last time this was asked; undefined without one. */
  take(): ClockStep | undefined {
    const [now, ms] = [this.#clock.now(), this.#clock.monotonic()]
    const before = this.#now + ms - this.#ms
    this.#now = now
    this.#ms = ms
    return Math.abs(now - before) < LEAST_STEP_MS ? undefined : { ms: now - before, before }
  }
}
