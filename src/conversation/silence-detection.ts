/** Detects a caller who says nothing: reminders one after another, then the end of the call. */

import type { Sweep } from "../lib/sweep.ts"

export type SilenceDetectionOptions = {
  /** Silence after the agent's speech has ended, before each reminder and before the end, in milliseconds. */
  thresholdMs: number
  /** Said one after another. If empty, the call ends after the first threshold. */
  messages: readonly string[]
  sweep: Sweep
  /** When everything the agent said will have been heard, in monotonic milliseconds. */
  quietAt: () => number
  /** Whether an answer is being generated or a tool is running; silence is not counted meanwhile. */
  busy: () => boolean
  remind: (text: string) => void
  giveUp: () => void
}

export class SilenceDetection {
  readonly #options: SilenceDetectionOptions
  /** Start of the current silence, in monotonic milliseconds. */
  #sinceMs = 0
  #reminders = 0
  #state: "stopped" | "running" | "closed" = "stopped"
  #cancel = () => {}

  constructor(options: SilenceDetectionOptions) {
    this.#options = options
  }

  /** Starts, or starts over. Without effect once closed. */
  start(): void {
    if (this.#state === "closed") return
    this.#state = "running"
    this.callerActive()
  }

  /** Stops until the next start. */
  stop(): void {
    if (this.#state === "running") this.#state = "stopped"
    this.#cancel()
  }

  /** Stops for good. */
  close(): void {
    this.#state = "closed"
    this.#cancel()
  }

  /** The caller was active: silence is counted from now, and the next reminder is the first again. */
  callerActive(): void {
    this.#reminders = 0
    this.#sinceMs = this.#options.sweep.clock.monotonic()
    if (this.#state === "running") this.#arm()
  }

  /** The expected end of the agent's speech has changed. */
  quietChanged(): void {
    if (this.#state === "running") this.#arm()
  }

  #arm(): void {
    const { sweep } = this.#options
    this.#cancel()
    this.#cancel = sweep.after(Math.max(0, this.#dueMs() - sweep.clock.monotonic()), () => this.#check())
  }

  /** A whole threshold of silence after the agent was heard to the end, its reminders included. */
  #dueMs(): number {
    const { thresholdMs, quietAt } = this.#options
    return Math.max(this.#sinceMs, quietAt()) + thresholdMs
  }

  #check(): void {
    const { sweep, messages, busy, remind, giveUp } = this.#options
    const now = sweep.clock.monotonic()
    if (busy()) {
      // A reminder in progress is not activity of the caller, so the count of reminders stays.
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
    if (this.#state === "running") this.#arm()
  }
}
