/** The caller's side of the pipeline: what was recognised becomes interruptions and turns of the conversation. */

import type { AudioTap } from "../call/audio-tap.ts"
import type { CallId } from "../call/ids.ts"
import type { AudioSink } from "../media/media-session.ts"
import type { SpeechFailure } from "../speech/failure.ts"
import type { OpenTranscriber, Transcriber, TranscriberEvent, TurnProfile } from "../speech/transcriber.ts"
import { interrupts, isEcho, isListening, joinDigits } from "./heard-words.ts"
import type { SpokenQueue } from "./spoken-queue.ts"

/** An "mhm" is an answer when the agent is about to finish: with less than this left to be heard, in milliseconds. */
const ANSWERED_WITHIN_MS = 1_500

/** Usual pieces of audio have 160 bytes; a longer one than this gets a buffer of its own. */
const BUFFER_BYTES = 2_000

export type CallerTurnsOptions = {
  callId: CallId
  /** Receives the caller's audio. */
  tap: AudioTap
  open: OpenTranscriber
  speaking: Pick<SpokenQueue, "isSpeaking" | "saying">
  /** How long the agent will still be heard, in milliseconds. */
  leftMs: () => number
  /** The caller is saying something. */
  onSpeech: () => void
  /** The caller interrupts the agent. */
  onInterruption: () => void
  /** The caller has finished saying something. `answered`: whether it asks for an answer. */
  onTurn: (text: string, turn: { answered: boolean }) => void
  /** Nothing can be heard any more. Not called after `close`. */
  onFailed: (failure: SpeechFailure) => void
}

export class CallerTurns implements AudioSink {
  readonly #options: CallerTurnsOptions
  readonly #transcriber: Transcriber
  #profile: TurnProfile = "conversation"
  #onClosed: (() => void) | undefined
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)

  constructor(options: CallerTurnsOptions) {
    this.#options = options
    this.#transcriber = options.open((event) => this.#take(event), this.#profile)
  }

  hear(payload: string): void {
    const { tap, callId } = this.#options
    // The transcriber copies what it keeps, so one buffer is enough.
    const isLong = payload.length > BUFFER_BYTES
    const audio = isLong
      ? Buffer.from(payload, "base64")
      : this.#buffer.subarray(0, this.#buffer.write(payload, "base64"))
    this.#transcriber.hear(audio)
    if (tap.hasListeners(callId)) tap.inbound(callId, payload)
  }

  /** What the caller is expected to say next. */
  expect(profile: TurnProfile): void {
    if (profile === this.#profile) return
    this.#profile = profile
    this.#transcriber.expect(profile)
  }

  /** Words that were said before are still taken, as turns that are not answered; then `onClosed` is called. */
  close(onClosed: () => void): void {
    this.#onClosed = onClosed
    this.#transcriber.close()
  }

  #take(event: TranscriberEvent): void {
    switch (event.type) {
      case "ready":
      case "resumed":
      case "eager-end":
        return
      case "speech-started":
        return this.#options.onSpeech()
      case "interim":
      case "final":
        return this.#hearing(event.text)
      case "turn-ended":
        return this.#ended(joinDigits(event.text.trim()))
      case "failed":
        return this.#onClosed ? this.#onClosed() : this.#options.onFailed(event.failure)
      case "closed":
        return this.#onClosed?.()
      default:
        event satisfies never
    }
  }

  #hearing(text: string): void {
    const { speaking, onSpeech, onInterruption } = this.#options
    if (this.#onClosed) return
    if (!speaking.isSpeaking) return onSpeech()
    if (isEcho(text, speaking.saying)) return
    onSpeech()
    if (interrupts(text, speaking.saying)) onInterruption()
  }

  #ended(text: string): void {
    const { speaking, leftMs, onInterruption, onTurn } = this.#options
    if (text === "") return
    if (this.#onClosed) return onTurn(text, { answered: false })
    if (speaking.isSpeaking) {
      if (isEcho(text, speaking.saying)) return
      if (isListening(text) && leftMs() > ANSWERED_WITHIN_MS) return onTurn(text, { answered: false })
      onInterruption()
    }
    onTurn(text, { answered: true })
  }
}
