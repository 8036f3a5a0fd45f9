/** A clock that stands still until a test moves it, and a sweep that is visited as it moves. */

import type { Clock } from "../../src/lib/clock.ts"
import { Sweep } from "../../src/lib/sweep.ts"

export class TestClock implements Clock, Disposable {
  /** Visited on every millisecond on which something is due, as `advance` or `pass` moves over it. */
  readonly sweep: Sweep
  /** What deadlines threw. */
  readonly errors: unknown[] = []
  #now: number

  constructor(startMs = Date.UTC(2026, 10, 20)) {
    this.#now = startMs
    this.sweep = new Sweep({ clock: this, everyMs: 0, onError: (error) => this.errors.push(error) })
  }

  now(): number {
    return this.#now
  }

  /** Moves the time, running deadlines on their millisecond and in their order, also those that deadlines set. */
  advance(ms: number): void {
    const end = this.#now + ms
    this.sweep.tick()
    while (this.#now < end) {
      this.#now = Math.min(Math.max(this.#now + 1, Math.ceil(this.sweep.nextDueMs)), end)
      this.sweep.tick()
    }
  }

  /** Like `advance`, in steps between which promises get their turn: for code that awaits `sweep.sleep`. */
  async pass(ms: number, stepMs = Math.max(1, Math.floor(ms / 100))): Promise<void> {
    const end = this.#now + ms
    while (this.#now < end) {
      this.advance(Math.min(stepMs, end - this.#now))
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    }
  }

  [Symbol.dispose](): void {
    this.sweep[Symbol.dispose]()
  }
}
