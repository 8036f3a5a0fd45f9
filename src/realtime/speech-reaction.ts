/**
 * Notices a server that does not react to what the caller says: a connection may be open and answer pings although the server no longer processes audio.
 * Listens to the caller itself, because no event of the server can start the wait for one.
 * Source: OpenAI "Voice activity detection".
 */

import { PAUSE_MS, type SpeechActivityChange } from "../audio/speech-activity.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallerAudio } from "../media/caller-audio.ts"
import type { RealtimeEvent } from "./protocol/server-events.ts"

/** The quiet of a line is measured in steps of this length or less. */
const ROUNDING_MS = 100

export type SpeechReactionOptions = {
  callerAudio: Pick<
    CallerAudio,
    "watchSpeech" | "quietMs" | "speechConfirmed" | "speechTaken" | "speechDoubted"
  >
  /** Longest wait for an event, in milliseconds. */
  silenceMs: number
  /** How long the server may wait for the caller to continue, in milliseconds, before it ends a turn. */
  turnEndMs: number
  /** Whether the server is connected, nothing is pending and the caller hears nothing of the agent. */
  isListening: () => boolean
  /** The server has not reacted in time. The message is a sentence for the log. */
  onNoReaction: (message: string) => void
  sweep: Sweep
}

export class SpeechReaction {
  readonly #options: SpeechReactionOptions
  /** What the server has reported of the caller's turn. */
  #turn: "none" | "started" | "stopped" = "none"
  #cancel: (() => void) | undefined

  constructor(options: SpeechReactionOptions) {
    this.#options = options
    options.callerAudio.watchSpeech((change) => this.#heard(change))
  }

  /** Takes any event of the server. */
  apply({ type }: Pick<RealtimeEvent, "type">): void {
    const { callerAudio, silenceMs, turnEndMs } = this.#options
    if (type === "speech-started") {
      callerAudio.speechConfirmed()
      this.#turn = "started"
      // Speech that was not noticed here starts no wait: its end would not be noticed either.
      if (this.#stopWaiting()) this.#wait(silenceMs + turnEndMs)
    } else if (type === "speech-stopped") {
      this.#turn = "stopped"
      this.#stopWaiting()
      this.#wait(silenceMs)
    } else if (type === "committed" || type === "response-created") {
      callerAudio.speechTaken()
      this.stop()
    }
  }

  /** Nothing is waited for: the turn is over, or the connection. */
  stop(): void {
    this.#turn = "none"
    this.#stopWaiting()
  }

  /** What the caller's own audio says. Arrives a few times a minute. */
  #heard(change: SpeechActivityChange): void {
    const { silenceMs, turnEndMs, isListening } = this.#options
    switch (this.#turn) {
      case "none":
        if (change !== "ended" && change !== "long") return
        // Speech that continues does not extend the wait: the server should have noticed its beginning.
        if (isListening() && !this.#cancel) this.#wait(change === "ended" ? silenceMs - PAUSE_MS : silenceMs)
        return
      case "started":
        this.#stopWaiting()
        if (change === "ended" || change === "dropped") this.#wait(silenceMs + turnEndMs - PAUSE_MS)
        return
      case "stopped":
        return
      default:
        this.#turn satisfies never
    }
  }

  #wait(ms: number): void {
    this.#cancel = this.#options.sweep.after(Math.max(0, ms), () => this.#late())
  }

  /** Returns whether there was something to wait for. */
  #stopWaiting(): boolean {
    const cancel = this.#cancel
    this.#cancel = undefined
    cancel?.()
    return cancel !== undefined
  }

  #late(): void {
    const { callerAudio, silenceMs, turnEndMs, isListening, onNoReaction } = this.#options
    const turn = this.#turn
    // The caller may have continued too quietly to be noticed here, and the server may still hear it.
    const missingMs = silenceMs + turnEndMs - ROUNDING_MS - callerAudio.quietMs
    if (turn === "started" && missingMs > 0) return this.#wait(missingMs)
    this.stop()
    if (turn === "none") {
      if (!isListening()) return
      callerAudio.speechDoubted()
    }
    onNoReaction(`no reaction of the model to the caller's speech for ${silenceMs} ms`)
  }
}
