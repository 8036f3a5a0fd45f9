/** Notices that a transcriber is silent though it should report something. Looked at with each piece of audio; has no timer. */

import type { Clock } from "../../lib/clock.ts"

/** Loud audio after which a provider should have reported a word, in milliseconds. */
const LOUD_MS = 500
/** Quiet after which a provider without words before the end of a turn should have ended it, in milliseconds. */
const END_MS = 3_000
/** In a row, without a word of the provider beside: then the sound is no speech. */
const MAX_ALARMS = 4

export class StallWatch {
  readonly #clock: Pick<Clock, "monotonic">
  readonly #stallMs: number
  #sinceMs: number
  #loudMs = 0
  #quietMs = 0
  #alarms = 0

  constructor(clock: Pick<Clock, "monotonic">, stallMs: number) {
    this.#clock = clock
    this.#stallMs = stallMs
    this.#sinceMs = clock.monotonic()
  }

  /** Quiet audio since the last loud piece, in milliseconds. */
  get quietMs(): number {
    return this.#quietMs
  }

  /** A provider is being opened. */
  opened(): void {
    this.#alarms = 0
    this.reported()
  }

  /** The provider has reported something, or another one was opened beside it. */
  reported(): void {
    this.#sinceMs = this.#clock.monotonic()
    this.#loudMs = 0
  }

  heard(ms: number, isLoud: boolean): void {
    this.#loudMs += isLoud ? ms : 0
    this.#quietMs = isLoud ? 0 : this.#quietMs + ms
  }

  /** Whether something should have been reported by now. */
  isSilent({
    isReady,
    isInTurn,
    heartbeat,
  }: {
    isReady: boolean
    isInTurn: boolean
    heartbeat: boolean
  }): boolean {
    const silentMs = this.#clock.monotonic() - this.#sinceMs
    if (silentMs < this.#stallMs || this.#alarms >= MAX_ALARMS) return false
    const isLate = isInTurn
      ? heartbeat || (this.#quietMs >= END_MS && silentMs >= END_MS)
      : this.#loudMs >= LOUD_MS
    if (isReady && !isLate) return false
    this.#alarms += 1
    return true
  }
}
