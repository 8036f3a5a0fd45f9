/** Which providers failed lately, for all calls of the process: a new call begins with one that works. */

import type { Clock } from "../../lib/clock.ts"
import type { SpeechFailure } from "../failure.ts"

/** A provider that was refused, limited, or failed otherwise is tried last for so long, in milliseconds. */
const REFUSED_MS = 60_000
const LIMITED_MS = 10_000
const FAILED_MS = 5_000
const MAX_PROVIDERS = 1_000

export class ProviderHealth {
  readonly #clock: Pick<Clock, "monotonic">
  readonly #failedUntil = new Map<string, number>()

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock
  }

  failed(name: string, { reason, retryable }: SpeechFailure): void {
    // The end of the longest session is no fault.
    if (reason === "expired") return
    const ms = !retryable ? REFUSED_MS : reason === "rate-limited" ? LIMITED_MS : FAILED_MS
    this.#failedUntil.delete(name)
    this.#failedUntil.set(name, this.#clock.monotonic() + ms)
    const [oldest] = this.#failedUntil.keys()
    if (this.#failedUntil.size > MAX_PROVIDERS && oldest !== undefined) this.#failedUntil.delete(oldest)
  }

  works(name: string): void {
    this.#failedUntil.delete(name)
  }

  /** Those that work in their order, then the others in theirs. */
  order<T extends { name: string }>(providers: readonly T[]): T[] {
    const now = this.#clock.monotonic()
    const isWorking = ({ name }: T) => (this.#failedUntil.get(name) ?? 0) <= now
    return [...providers.filter(isWorking), ...providers.filter((provider) => !isWorking(provider))]
  }
}
