/** A clock that stands still until a test moves it, and a sweep that is visited as it moves. */

import type { Clock } from "../../src/lib/clock.ts"
import { Sweep } from "../../src/lib/sweep.ts"

const DAY_MS = 24 * 60 * 60_000

export class TestClock implements Clock, Disposable {
  /** Visited on every millisecond on which something is due, as `advance` or `pass` moves over it. */
  readonly sweep: Sweep
  /** What deadlines threw. */
  readonly errors: unknown[] = []
  /** Monotonic; another number than the time of day, so that the two cannot be mixed up unnoticed. */
  #ms: number
  #epochMs = -DAY_MS

  constructor(startMs = Date.UTC(2026, 10, 20)) {
    this.#ms = startMs + DAY_MS
    this.sweep = new Sweep({ clock: this, everyMs: 0, onError: (error) => this.errors.push(error) })
  }

  now(): number {
    return this.#ms + this.#epochMs
  }

  monotonic(): number {
    return this.#ms
  }

  /** Sets the clock of the machine forward or back: nothing has passed meanwhile. */
  step(ms: number): void {
    this.#epochMs += ms
  }

  /** Moves the time, running deadlines on their millisecond and in their order, also those that deadlines set. */
  advance(ms: number): void {
    const end = this.#ms + ms
    this.sweep.tick()
    while (this.#ms < end) {
      this.#ms = Math.min(Math.max(this.#ms + 1, Math.ceil(this.sweep.nextDueMs)), end)
      this.sweep.tick()
    }
  }

  /** Like `advance`, in steps between which promises get their turn: for code that awaits `sweep.sleep`. */
  async pass(ms: number, stepMs = Math.max(1, Math.floor(ms / 100))): Promise<void> {
    const end = this.#ms + ms
    while (this.#ms < end) {
      this.advance(Math.min(stepMs, end - this.#ms))
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    }
  }

  [Symbol.dispose](): void {
    this.sweep[Symbol.dispose]()
  }
}
