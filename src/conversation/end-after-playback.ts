/** Ends a session once everything that was said was heard, or at a time limit. Every engine uses it. */

import type { SessionEnd } from "../call/session-end.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { SpeechOutput } from "./speech-output.ts"

export type EndAfterPlaybackOptions = {
  output: Pick<SpeechOutput, "quietAt" | "heardBy">
  /** Longest wait beyond the end of playback that was expected at the request, in milliseconds. Default: none. */
  limitMs?: number
  /** Ends the session in the protocol of the engine. Called once at most. */
  end: (end: SessionEnd) => void
  sweep: Sweep
}

type State =
  | { phase: "open" }
  /** `latestAt`: when the session ends in any case, in monotonic milliseconds. */
  | { phase: "ending"; end: SessionEnd; latestAt: number; cancel: () => void }
  | { phase: "over" }

export class EndAfterPlayback {
  readonly #options: EndAfterPlaybackOptions
  #state: State = { phase: "open" }

  constructor(options: EndAfterPlaybackOptions) {
    this.#options = options
  }

  /** Whether the conversation continues: no end was requested, and the socket is open. */
  get isOpen(): boolean {
    return this.#state.phase === "open"
  }

  /** Ends the session after what was sent so far. Only the first request counts. */
  request(end: SessionEnd): void {
    if (this.#enter(end)) this.recheck()
  }

  /**
   * Ends the session after speech that is still being made: `recheck` follows when all of it was sent, or is assumed after
   * `withinMs` milliseconds. Only the first request counts.
   */
  requestAfterSpeech(end: SessionEnd, { withinMs }: { withinMs?: number } = {}): void {
    const state = this.#enter(end)
    if (!state || withinMs === undefined) return
    state.cancel = this.#options.sweep.after(withinMs, () => this.recheck())
  }

  /** All speech was sent, or its playback changed. Without effect before a request. */
  recheck(): void {
    const state = this.#state
    if (state.phase !== "ending") return
    const { output, sweep } = this.#options
    state.cancel()
    const heardBy = output.heardBy()
    if (heardBy === undefined) return this.now()
    const dueAt = Math.min(heardBy, state.latestAt)
    state.cancel = sweep.after(Math.max(0, dueAt - sweep.clock.monotonic()), () => this.now())
  }

  /** Everything was heard, or the caller interrupted it. Without effect before a request. */
  now(): void {
    const state = this.#state
    if (state.phase !== "ending") return
    state.cancel()
    this.#state = { phase: "over" }
    this.#options.end(state.end)
  }

  /** The socket is closed: there is nothing to end any more. */
  close(): void {
    if (this.#state.phase === "ending") this.#state.cancel()
    this.#state = { phase: "over" }
  }

  #enter(end: SessionEnd): Extract<State, { phase: "ending" }> | undefined {
    if (!this.isOpen) return undefined
    const { output, sweep, limitMs = Number.POSITIVE_INFINITY } = this.#options
    const latestAt = Math.max(output.quietAt(), sweep.clock.monotonic()) + limitMs
    const state = { phase: "ending" as const, end, latestAt, cancel: () => {} }
    this.#state = state
    return state
  }
}
