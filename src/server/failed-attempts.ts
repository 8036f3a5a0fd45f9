/** Counts refused signatures or keys by peer, so that a flood of them costs little. Correct requests are not counted. */

export type FailedAttemptsOptions = {
  /** Refusals of one peer in a minute that are answered and logged in full. */
  perMinute?: number
  /** Peers that are remembered; beyond it the oldest is forgotten. */
  maxPeers?: number
}

const WINDOW_MS = 60_000

type Window = { until: number; count: number }

export class FailedAttempts {
  readonly #perMinute: number
  readonly #maxPeers: number
  readonly #windows = new Map<string, Window>()

  constructor({ perMinute = 20, maxPeers = 1_000 }: FailedAttemptsOptions = {}) {
    this.#perMinute = perMinute
    this.#maxPeers = maxPeers
  }

  /**
   * Counts one more refusal of `peer` at `now`, in monotonic milliseconds. `within`: it is within the budget. `first`: it is the
   * first one beyond the budget in this minute. `retryAfterSeconds`: until the minute is over.
   */
  add(peer: string, now: number): { within: boolean; first: boolean; retryAfterSeconds: number } {
    const known = this.#windows.get(peer)
    const window = known && known.until > now ? known : { until: now + WINDOW_MS, count: 0 }
    window.count += 1
    this.#windows.delete(peer)
    this.#windows.set(peer, window)
    const [oldest] = this.#windows.keys()
    if (this.#windows.size > this.#maxPeers && oldest !== undefined) this.#windows.delete(oldest)
    return {
      within: window.count <= this.#perMinute,
      first: window.count === this.#perMinute + 1,
      retryAfterSeconds: Math.max(1, Math.ceil((window.until - now) / 1_000)),
    }
  }
}
