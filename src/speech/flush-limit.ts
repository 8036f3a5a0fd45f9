/** Limits how often something happens in a minute. Pure. */

const MINUTE_MS = 60_000

export class FlushLimit {
  readonly #perMinute: number
  /** When it happened in the last minute, in monotonic milliseconds. */
  readonly #times: number[] = []

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  /** Whether it may happen now; counts it if so. */
  admits(nowMs: number): boolean {
    while ((this.#times[0] ?? Infinity) <= nowMs - MINUTE_MS) this.#times.shift()
    if (this.#times.length >= this.#perMinute) return false
    this.#times.push(nowMs)
    return true
  }
}
