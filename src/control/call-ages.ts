/** How long ago calls began, whatever happens to the clock of the machine. */

import type { CallId } from "../call/ids.ts"
import type { Clock } from "../lib/clock.ts"

type Began = { callId: CallId; atMs: number }

/**
 * A stored date is compared with the clock once, when it is first seen. A date that was not there at the last look is no
 * older than that look: a clock that was set meanwhile does not make it older.
 */
export class CallAges {
  readonly #clock: Clock
  /** By call and date, in monotonic milliseconds. */
  readonly #began = new Map<string, Began>()
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds since `date`, a stored time of the call. */
  since(callId: CallId, date: number): number {
    const nowMs = this.#clock.monotonic()
    const key = `${callId} ${date}`
    const known = this.#began.get(key)
    if (known) return nowMs - known.atMs
    const age = Math.min(Math.max(0, this.#clock.now() - date), nowMs - this.#lookedMs)
    this.#began.set(key, { callId, atMs: nowMs - age })
    return age
  }

  /** Every open call has been asked for; of others nothing is kept. */
  looked(open: ReadonlySet<CallId>): void {
    this.#lookedMs = this.#clock.monotonic()
    for (const [key, { callId }] of this.#began) if (!open.has(callId)) this.#began.delete(key)
  }
}
