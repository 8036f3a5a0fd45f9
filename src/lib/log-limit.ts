/** Limits equal records of the log: a fault that repeats a thousand times a second fills no disk. */

export type LogLimitOptions = {
  /** Equal records in one window that are written. */
  most?: number
  windowMs?: number
  /** Kinds of records that are remembered; beyond it the oldest is forgotten. */
  maxKinds?: number
}

/** Records of one kind that were not written: how many, and of how many calls. `last` is the latest of them. */
export type Suppressed<T> = { last: T; more: number; calls: number; windowMs: number }

type Window<T> = { untilMs: number; count: number; last: T; calls: Set<unknown> }

/** Calls that are counted in one window. */
const MAX_CALLS = 10_000

export class LogLimit<T> {
  readonly #most: number
  readonly #windowMs: number
  readonly #maxKinds: number
  /** By kind, in the order in which they end. */
  readonly #windows = new Map<string, Window<T>>()

  constructor({ most = 10, windowMs = 10_000, maxKinds = 500 }: LogLimitOptions = {}) {
    this.#most = most
    this.#windowMs = windowMs
    this.#maxKinds = maxKinds
  }

  /** Whether a record is to be written. `call`: distinguishes records of different calls. */
  admits(kind: string, record: T, { call, nowMs }: { call: unknown; nowMs: number }): boolean {
    const window = this.#windows.get(kind)
    if (!window || window.untilMs <= nowMs) {
      this.#windows.delete(kind)
      this.#windows.set(kind, { untilMs: nowMs + this.#windowMs, count: 1, last: record, calls: new Set() })
      return true
    }
    window.count += 1
    if (window.count <= this.#most) return true
    window.last = record
    if (call !== undefined && window.calls.size < MAX_CALLS) window.calls.add(call)
    return false
  }

  /** Ends the windows that are over, and those of too many kinds. Returns what was not written in them. */
  end(nowMs: number): Suppressed<T>[] {
    const suppressed: Suppressed<T>[] = []
    for (const [kind, { untilMs, count, last, calls }] of this.#windows) {
      if (untilMs > nowMs && this.#windows.size <= this.#maxKinds) break
      this.#windows.delete(kind)
      const more = count - this.#most
      if (more > 0) suppressed.push({ last, more, calls: calls.size, windowMs: this.#windowMs })
    }
    return suppressed
  }
}
