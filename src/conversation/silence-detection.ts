/** Watches for a caller who says nothing: reminders one after another, then the end of the call. */

import type { Sweep } from "../lib/sweep.ts"

export type SilenceDetectionOptions = {
  /** Silence before the first reminder, between two, and after the last one, in milliseconds. */
  thresholdMs: number
  /** Said one after another. With none, the first threshold is the end. */
  messages: readonly string[]
  sweep: Sweep
  /** When everything the agent said will have been heard, in milliseconds since the epoch. */
  quietAt: () => number
  /** Whether an answer is being made or a tool is running: then the caller is the one who waits. */
  busy: () => boolean
  remind: (text: string) => void
  giveUp: () => void
}

export class SilenceDetection {
  readonly #options: SilenceDetectionOptions
  /** From when on silence counts. */
  #sinceMs = 0
  #reminders = 0
  #running = false
  #cancel = () => {}

  constructor(options: SilenceDetectionOptions) {
    this.#options = options
  }

  get running(): boolean {
    return this.#running
  }

  /** Begins to watch, or begins anew. */
  start(): void {
    this.#running = true
    this.alive()
  }

  /** Watches no more. */
  stop(): void {
    this.#running = false
    this.#cancel()
  }

  /** The caller gave a sign of life: the next reminder is the first again. */
  alive(): void {
    this.#reminders = 0
    this.#sinceMs = this.#options.sweep.clock.now()
    if (this.#running) this.#arm()
  }

  /** The end of the agent's speech has turned out to be another than expected. */
  quietChanged(): void {
    if (this.#running) this.#arm()
  }

  #arm(): void {
    const { sweep } = this.#options
    this.#cancel()
    this.#cancel = sweep.after(Math.max(0, this.#dueMs() - sweep.clock.now()), () => this.#look())
  }

  /** Reminders follow each other at the threshold; before the first one the agent's own speech does not count. */
  #dueMs(): number {
    const { thresholdMs, quietAt } = this.#options
    const from = this.#reminders > 0 ? this.#sinceMs : Math.max(this.#sinceMs, quietAt())
    return from + thresholdMs
  }

  #look(): void {
    const { sweep, messages, busy, remind, giveUp } = this.#options
    const now = sweep.clock.now()
    if (busy()) {
      this.#reminders = 0
      this.#sinceMs = now
      return this.#arm()
    }
    if (now < this.#dueMs()) return this.#arm()
    const message = messages[this.#reminders]
    if (message === undefined) {
      this.stop()
      return giveUp()
    }
    this.#reminders += 1
    this.#sinceMs = now
    remind(message)
    if (this.#running) this.#arm()
  }
}
