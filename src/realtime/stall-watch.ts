/** Notices a model that owes something and sends nothing. One deadline, however many events there are. */

import type { Clock } from "../lib/clock.ts"
import type { Sweep } from "../lib/sweep.ts"

export type StallWatchOptions = {
  /** Longest wait for the first sound of an answer, in milliseconds. */
  firstMs: number
  /** Longest pause within an answer, in milliseconds. */
  gapMs: number
  sweep: Sweep
  onStall: () => void
}

export class StallWatch {
  readonly #clock: Clock
  #dueMs = Number.POSITIVE_INFINITY
  #armed = false
  readonly #options: StallWatchOptions
  #cancel = () => {}

  constructor(options: StallWatchOptions) {
    this.#clock = options.sweep.clock
    this.#options = options
  }

  /** The model owes an answer from now on. */
  expect(): void {
    this.#dueMs = this.#options.sweep.clock.now() + this.#options.firstMs
    this.#arm()
  }

  /** Something of the answer came. Costs no more than a comparison. */
  progress(): void {
    if (this.#armed) this.#dueMs = this.#clock.now() + this.#options.gapMs
  }

  /** Nothing is owed. */
  stop(): void {
    this.#armed = false
    this.#cancel()
  }

  #arm(): void {
    const { sweep } = this.#options
    this.#cancel()
    this.#armed = true
    this.#cancel = sweep.after(Math.max(0, this.#dueMs - sweep.clock.now()), () => this.#look())
  }

  #look(): void {
    const { sweep, onStall } = this.#options
    if (sweep.clock.now() < this.#dueMs) return this.#arm()
    this.#armed = false
    onStall()
  }
}
