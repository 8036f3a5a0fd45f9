/** Which provider is tried next, and after which delay, when one has failed. */

import type { Clock } from "../../lib/clock.ts"
import type { SpeechFailure } from "../failure.ts"
import type { ProviderHealth } from "./provider-health.ts"

/** A provider, and the name by which logs and other calls know it. */
export type Named<T> = { readonly name: string; readonly open: T }

/** Failures of one provider within so many milliseconds after which it is not tried any more. */
const MAX_FAILURES = 3
const FORGET_MS = 10_000
/** Before the second and third try of the same provider, in milliseconds; doubled each time. */
const RETRY_MS = 250

export class Attempts<T> {
  readonly #providers: readonly Named<T>[]
  readonly #health: ProviderHealth
  readonly #clock: Pick<Clock, "monotonic">
  /** When each provider failed lately, by name. */
  readonly #failures = new Map<string, readonly number[]>()
  /** Those that another try cannot help. */
  readonly #refused = new Set<string>()
  /** The last failure of each provider, by name. */
  readonly #causes = new Map<string, SpeechFailure>()

  constructor(providers: readonly Named<T>[], health: ProviderHealth, clock: Pick<Clock, "monotonic">) {
    this.#clock = clock
    this.#providers = providers
    this.#health = health
  }

  /** A provider does what it is for. */
  works({ name }: Named<T>): void {
    this.#failures.delete(name)
    this.#health.works(name)
  }

  /** Why nothing works: the last failure of the provider that is preferred most. */
  get cause(): SpeechFailure | undefined {
    return this.#providers.flatMap(({ name }) => this.#causes.get(name) ?? [])[0]
  }

  failed({ name }: Named<T>, failure: SpeechFailure): void {
    this.#causes.set(name, failure)
    this.#health.failed(name, failure)
    if (!failure.retryable) this.#refused.add(name)
    if (failure.reason === "expired") return
    this.#failures.set(name, [...this.#recentFailures(name), this.#clock.monotonic()])
  }

  /** The next provider, other than `except`; undefined: all of them failed too often. */
  next(except?: Named<T>): { provider: Named<T>; delayMs: number } | undefined {
    const failuresOf = ({ name }: Named<T>) => this.#recentFailures(name).length
    const [provider] = this.#health
      .order(this.#providers)
      .filter((each) => each !== except && !this.#refused.has(each.name) && failuresOf(each) < MAX_FAILURES)
      .toSorted((a, b) => failuresOf(a) - failuresOf(b))
    if (!provider) return undefined
    const failures = failuresOf(provider)
    return { provider, delayMs: failures === 0 ? 0 : RETRY_MS * 2 ** (failures - 1) }
  }

  #recentFailures(name: string): readonly number[] {
    const since = this.#clock.monotonic() - FORGET_MS
    return (this.#failures.get(name) ?? []).filter((at) => at > since)
  }
}
