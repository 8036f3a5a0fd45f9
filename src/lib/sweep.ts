/** Deadlines as numbers that one timer visits, instead of a timer for each call. Resolution: `everyMs`. */

import { systemClock, type Clock } from "./clock.ts"

type Entry = { dueMs: number; run: () => void }

export type SweepOptions = {
  clock?: Clock
  /** How often deadlines are visited, in milliseconds. 0 leaves the visiting to the owner, who calls `tick()`. */
  everyMs?: number
  /** Is told of a deadline that threw; the sweep goes on. */
  onError?: (error: unknown) => void
}

export class Sweep {
  readonly clock: Clock
  readonly #everyMs: number
  readonly #onError: (error: unknown) => void
  readonly #entries = new Set<Entry>()
  #timer: ReturnType<typeof setInterval> | undefined
  #nextDueMs = Number.POSITIVE_INFINITY

  constructor({ clock = systemClock, everyMs = 20, onError = () => {} }: SweepOptions = {}) {
    this.clock = clock
    this.#everyMs = everyMs
    this.#onError = onError
  }

  /** How many deadlines wait. */
  get size(): number {
    return this.#entries.size
  }

  /** When a visit is worth while again, in milliseconds since the epoch; `Infinity` where nothing waits. */
  get nextDueMs(): number {
    return this.#nextDueMs
  }

  /** Calls `run` once, `ms` from now or at the next visit after that. Returns its cancellation; cancelling twice is harmless. */
  after(ms: number, run: () => void): () => void {
    const entry: Entry = { dueMs: this.clock.now() + ms, run }
    this.#entries.add(entry)
    this.#nextDueMs = Math.min(this.#nextDueMs, entry.dueMs)
    this.#start()
    return () => {
      this.#entries.delete(entry)
      if (this.#entries.size === 0) this.#stop()
    }
  }

  /** Calls `run` every `ms` until cancelled. */
  every(ms: number, run: () => void): () => void {
    let cancelled = false
    let cancelNext = () => {}
    const arm = () => {
      cancelNext = this.after(ms, () => {
        try {
          run()
        } finally {
          if (!cancelled) arm()
        }
      })
    }
    arm()
    return () => {
      cancelled = true
      cancelNext()
    }
  }

  /** Resolves after `ms`, or at once when the signal is or becomes aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        signal?.removeEventListener("abort", done)
        resolve()
      }
      const cancel = this.after(ms, done)
      signal?.addEventListener("abort", done, { once: true })
    })
  }

  /** Runs what is due. Called by the timer, or by the owner when `everyMs` is 0. */
  tick(): void {
    const now = this.clock.now()
    if (now < this.#nextDueMs) return
    const due: Entry[] = []
    let nextDueMs = Number.POSITIVE_INFINITY
    for (const entry of this.#entries) {
      if (entry.dueMs <= now) due.push(entry)
      else nextDueMs = Math.min(nextDueMs, entry.dueMs)
    }
    this.#nextDueMs = nextDueMs
    due.sort((a, b) => a.dueMs - b.dueMs)
    for (const entry of due) {
      // An earlier one may have cancelled a later one.
      if (!this.#entries.delete(entry)) continue
      try {
        entry.run()
      } catch (error) {
        this.#onError(error)
      }
    }
    if (this.#entries.size === 0) this.#stop()
  }

  /** Forgets every deadline without running it. */
  [Symbol.dispose](): void {
    this.#entries.clear()
    this.#stop()
  }

  #start(): void {
    if (this.#everyMs === 0 || this.#timer) return
    this.#timer = setInterval(() => this.tick(), this.#everyMs)
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#nextDueMs = Number.POSITIVE_INFINITY
  }
}
