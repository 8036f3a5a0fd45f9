/** Deadlines as numbers that one timer checks, instead of a timer for each call. Resolution: `everyMs`. */

import { systemClock, type Clock } from "./clock.ts"

type Entry = { dueMs: number; run: () => void }

/** Width of a slot: a tick checks only the slots that may hold due deadlines. */
const SLOT_MS = 16
const slotOf = (ms: number) => Math.floor(ms / SLOT_MS)

export type SweepOptions = {
  clock?: Clock
  /** How often deadlines are checked, in milliseconds. With 0 the owner calls `tick()`. */
  everyMs?: number
  /** Receives the error of a deadline that threw; the sweep continues. */
  onError?: (error: unknown) => void
}

export class Sweep {
  readonly clock: Clock
  readonly #everyMs: number
  readonly #onError: (error: unknown) => void
  readonly #slots = new Map<number, Set<Entry>>()
  #size = 0
  /** No deadline is in an earlier slot. */
  #firstSlot = Number.POSITIVE_INFINITY
  #timer: ReturnType<typeof setInterval> | undefined

  constructor({ clock = systemClock, everyMs = 20, onError = () => {} }: SweepOptions = {}) {
    this.clock = clock
    this.#everyMs = everyMs
    this.#onError = onError
  }

  /** How many deadlines are pending. */
  get size(): number {
    return this.#size
  }

  /** When the next tick has work, in milliseconds of the monotonic time; `Infinity` without deadlines. */
  get nextDueMs(): number {
    const next = this.#slots.get(Math.min(...this.#slots.keys())) ?? []
    return Math.min(...[...next].map(({ dueMs }) => dueMs))
  }

  /** Calls `run` once, `ms` from now or at the next tick after that. Returns a function that cancels it; cancelling twice is harmless. */
  after(ms: number, run: () => void): () => void {
    const entry: Entry = { dueMs: this.clock.monotonic() + ms, run }
    const slot = slotOf(entry.dueMs)
    const entries = this.#slots.get(slot) ?? new Set()
    this.#slots.set(slot, entries.add(entry))
    this.#firstSlot = Math.min(this.#firstSlot, slot)
    this.#size += 1
    this.#start()
    return () => {
      this.#remove(entry)
      if (this.#size === 0) this.#stop()
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
    const now = this.clock.monotonic()
    const due = this.#slotsUntil(slotOf(now)).flatMap((slot) =>
      [...(this.#slots.get(slot) ?? [])].filter(({ dueMs }) => dueMs <= now),
    )
    due.sort((a, b) => a.dueMs - b.dueMs)
    for (const entry of due) {
      // An earlier one may have cancelled a later one.
      if (!this.#remove(entry)) continue
      try {
        entry.run()
      } catch (error) {
        this.#onError(error)
      }
    }
    if (this.#size === 0) this.#stop()
  }

  /** Drops every deadline without running it. */
  [Symbol.dispose](): void {
    this.#slots.clear()
    this.#size = 0
    this.#stop()
  }

  /** The slots that may hold due deadlines. */
  #slotsUntil(last: number): number[] {
    const first = this.#firstSlot
    if (first > last) return []
    this.#firstSlot = last
    // After a long pause most slots in between are empty.
    if (last - first >= this.#slots.size) return [...this.#slots.keys()].filter((slot) => slot <= last)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  }

  /** Returns whether it was pending. */
  #remove(entry: Entry): boolean {
    const slot = slotOf(entry.dueMs)
    const entries = this.#slots.get(slot)
    if (!entries?.delete(entry)) return false
    if (entries.size === 0) this.#slots.delete(slot)
    this.#size -= 1
    return true
  }

  #start(): void {
    if (this.#everyMs === 0 || this.#timer) return
    this.#timer = setInterval(() => this.tick(), this.#everyMs)
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#firstSlot = Number.POSITIVE_INFINITY
  }
}
