/** Notices a model that stops sending: one limit until the first part of an answer, one between two parts of it. */

import type { Clock } from "./clock.ts"
import type { Sweep } from "./sweep.ts"

export type StreamTimes = {
  /** Longest wait for the first part of an answer, in milliseconds. */
  firstTokenMs: number
  /** Longest wait between two parts of an answer, in milliseconds. */
  tokenGapMs: number
}

export type ProgressTimeoutOptions = {
  times: StreamTimes
  sweep: Sweep
  /** Called once when a limit has passed, with a sentence for the log. `start` begins again. */
  onTimeout: (message: string) => void
}

export class ProgressTimeout {
  readonly #clock: Clock
  readonly #options: ProgressTimeoutOptions
  #waitsFor: "nothing" | "first part" | "next part" = "nothing"
  #dueMs = 0
  /** When the deadline is looked at; never later than `#dueMs`. */
  #checkAtMs = 0
  #cancel = () => {}

  constructor(options: ProgressTimeoutOptions) {
    this.#clock = options.sweep.clock
    this.#options = options
  }

  /** An answer is expected from now on. Called again, the wait for its first part begins again. */
  start(): void {
    this.#waitsFor = "first part"
    this.#dueMs = this.#clock.monotonic() + this.#options.times.firstTokenMs
    this.#arm()
  }

  /** A part has arrived. Only moves a number, as a rule: the deadline is set again when the earlier one has passed. */
  progress(): void {
    if (this.#waitsFor === "nothing") return
    this.#waitsFor = "next part"
    this.#dueMs = this.#clock.monotonic() + this.#options.times.tokenGapMs
    if (this.#dueMs < this.#checkAtMs) this.#arm()
  }

  /** No answer is expected. */
  stop(): void {
    this.#waitsFor = "nothing"
    this.#cancel()
  }

  #arm(): void {
    this.#cancel()
    this.#checkAtMs = this.#dueMs
    this.#cancel = this.#options.sweep.after(this.#dueMs - this.#clock.monotonic(), () => this.#check())
  }

  #check(): void {
    if (this.#clock.monotonic() < this.#dueMs) return this.#arm()
    const { times, onTimeout } = this.#options
    const message =
      this.#waitsFor === "first part"
        ? `no data from the model for ${times.firstTokenMs} ms`
        : `no data from the model for ${times.tokenGapMs} ms in the middle of an answer`
    this.#waitsFor = "nothing"
    onTimeout(message)
  }
}
