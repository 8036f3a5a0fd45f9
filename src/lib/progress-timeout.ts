/** The time limits of one stream of a model: until its first part, and from each part to the next. */

import type { Sweep } from "./sweep.ts"

export type StreamTimes = {
  /** Longest wait for the first part of a stream, in milliseconds. */
  firstTokenMs: number
  /** Longest wait between two parts of a stream, in milliseconds. */
  tokenGapMs: number
}

export class StreamWatch {
  /** Aborted with the reply, or when the model was silent for too long. */
  readonly signal: AbortSignal
  readonly #sweep: Sweep
  readonly #times: StreamTimes
  readonly #expiry = new AbortController()
  #begun = false
  #dueMs: number
  #lookAtMs: number
  #cancel: () => void

  constructor({ sweep, times, signal }: { sweep: Sweep; times: StreamTimes; signal: AbortSignal }) {
    this.#sweep = sweep
    this.#times = times
    this.signal = AbortSignal.any([signal, this.#expiry.signal])
    this.#dueMs = sweep.clock.now() + times.firstTokenMs
    this.#lookAtMs = this.#dueMs
    this.#cancel = sweep.after(times.firstTokenMs, () => this.#check())
  }

  /** Which limit was passed, in words; undefined when none was. */
  get expired(): string | undefined {
    if (!this.#expiry.signal.aborted) return undefined
    const { firstTokenMs, tokenGapMs } = this.#times
    return this.#begun
      ? `the model fell silent for ${tokenGapMs} ms in the middle of an answer`
      : `the model sent nothing for ${firstTokenMs} ms`
  }

  /** A part has come. */
  heard(): void {
    this.#begun = true
    this.#dueMs = this.#sweep.clock.now() + this.#times.tokenGapMs
    if (this.#dueMs < this.#lookAtMs) this.#arm()
  }

  /** The stream is over. */
  stop(): void {
    this.#cancel()
  }

  /** Parts only move the deadline, which is cheap; it is looked at again when the earlier one has passed. */
  #check(): void {
    if (this.#sweep.clock.now() < this.#dueMs) this.#arm()
    else this.#expiry.abort()
  }

  #arm(): void {
    this.#cancel()
    this.#lookAtMs = this.#dueMs
    this.#cancel = this.#sweep.after(this.#dueMs - this.#sweep.clock.now(), () => this.#check())
  }
}
