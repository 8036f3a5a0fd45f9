/** Stops attempts at a target that fails again and again, and tries it now and then until it works. */

import type { Clock } from "../lib/clock.ts"

export type CircuitBreakerOptions = {
  clock: Clock
  /** Failures in a row after which the circuit opens. */
  mostFailures?: number
  /** How long it is open before one attempt, in milliseconds; doubled by each attempt that fails. */
  openMs?: number
  longestOpenMs?: number
}

type Circuit = { state: "closed"; failures: number } | { state: "open"; untilMs: number; openMs: number }

const CLOSED: Circuit = { state: "closed", failures: 0 }

/** Of one target. */
export class CircuitBreaker {
  readonly #options: Required<CircuitBreakerOptions>
  #circuit: Circuit = CLOSED

  constructor({
    clock,
    mostFailures = 5,
    openMs = 30_000,
    longestOpenMs = 10 * 60_000,
  }: CircuitBreakerOptions) {
    this.#options = { clock, mostFailures, openMs, longestOpenMs }
  }

  /** How many attempts may run at once: any number, none while it is open, then one that decides. */
  get allowed(): number {
    if (this.#circuit.state === "closed") return Number.POSITIVE_INFINITY
    return this.#options.clock.monotonic() < this.#circuit.untilMs ? 0 : 1
  }

  /** The target works. Returns whether it did not before. */
  succeeded(): boolean {
    const wasOpen = this.#circuit.state === "open"
    this.#circuit = CLOSED
    return wasOpen
  }

  /** Returns for how long there will be no attempt, in milliseconds, when the circuit opens now. */
  failed(): number | undefined {
    const { clock, mostFailures, openMs, longestOpenMs } = this.#options
    const circuit = this.#circuit
    const nowMs = clock.monotonic()
    if (circuit.state === "closed" && circuit.failures + 1 < mostFailures) {
      this.#circuit = { state: "closed", failures: circuit.failures + 1 }
      return undefined
    }
    // Attempts that began before the circuit opened say nothing new.
    if (circuit.state === "open" && nowMs < circuit.untilMs) return undefined
    const nextMs = circuit.state === "open" ? Math.min(circuit.openMs * 2, longestOpenMs) : openMs
    this.#circuit = { state: "open", untilMs: nowMs + nextMs, openMs: nextMs }
    return nextMs
  }
}
