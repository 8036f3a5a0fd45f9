/**
 * A transcriber for servers that take whole recordings only: finds the turns by loudness, and requests the text of each
 * one when it is over. Has no words before the end of a turn.
 */

import { SpeechDetector } from "../audio/speech-detector.ts"
import { messageOf } from "../lib/errors.ts"
import type { SpeechServices } from "./connection.ts"
import { SpeechError, type SpeechFailure } from "./failure.ts"
import type { RequestTranscript } from "./openai/audio-transcriptions.ts"
import { CLOSING_MS, type Transcriber, type TranscriberListener, type TurnProfile } from "./transcriber.ts"
import { TurnOrder } from "./turn-order.ts"

export type RecordingTranscriberOptions = {
  request: RequestTranscript
  /** Longest time of one request, in milliseconds. */
  timeoutMs: number
  profile: TurnProfile
}

const SILENCE_MS: Record<TurnProfile, number> = { conversation: 600, menu: 400, dictation: 1_500 }
/** Shorter pieces of audio are not sent. */
const MIN_SPEECH_MS = 120

export class RecordingTranscriber implements Transcriber {
  readonly #options: RecordingTranscriberOptions
  readonly #services: SpeechServices
  readonly #listener: TranscriberListener
  readonly #turns: TurnOrder
  readonly #detector: SpeechDetector
  readonly #abort = new AbortController()
  #phase: "ready" | "closing" | "over" = "ready"
  #serial = 0
  #cancelClosing = () => {}

  constructor(options: RecordingTranscriberOptions, services: SpeechServices, listener: TranscriberListener) {
    this.#options = options
    this.#services = services
    this.#listener = listener
    this.#turns = new TurnOrder(listener)
    this.#detector = new SpeechDetector(settingsOf(options.profile))
    queueMicrotask(() => this.#phase === "ready" && listener({ type: "ready" }))
  }

  hear(audio: Uint8Array): void {
    if (this.#phase !== "ready") return
    for (const change of this.#detector.push(audio)) {
      // Later, so that the listener hears of nothing during this call.
      if (change.type === "started") queueMicrotask(() => this.#begin())
      else queueMicrotask(() => this.#end(change.audio, change.speechMs, change.audioEndMs))
    }
  }

  expect(profile: TurnProfile): void {
    this.#detector.change(settingsOf(profile))
  }

  close(): void {
    if (this.#phase !== "ready") return
    this.#phase = "closing"
    if (this.#detector.isSpeaking) {
      const { heardMs } = this.#detector
      this.#end(this.#detector.take(), MIN_SPEECH_MS, heardMs)
    }
    if (this.#turns.isEmpty) return this.#closed()
    this.#cancelClosing = this.#services.sweep.after(CLOSING_MS, () => this.#closed())
  }

  #begin(): void {
    if (this.#phase !== "ready") return
    this.#serial += 1
    this.#turns.begin(`turn_${this.#serial}`)
  }

  #end(audio: Uint8Array, speechMs: number, untilMs: number): void {
    if (this.#phase === "over") return
    const id = `turn_${this.#serial}`
    this.#turns.spokenUntil(id, untilMs)
    if (speechMs < MIN_SPEECH_MS) return this.#turns.end(id, "")
    const timeout = new SpeechError({
      reason: "timeout",
      retryable: true,
      status: null,
      message: "no transcript in time",
    })
    const request = new AbortController()
    const stop = () => request.abort(timeout)
    const cancelTimeout = this.#services.sweep.after(this.#options.timeoutMs, stop)
    const signal = AbortSignal.any([request.signal, this.#abort.signal])
    const transcribed = this.#options
      .request(audio, signal)
      .then((text) => this.#transcribed(id, text))
      .catch((error: unknown) => this.#fail(failureOf(request.signal.aborted ? timeout : error)))
      .finally(cancelTimeout)
    this.#services.log.background("request to a transcriber", transcribed)
  }

  #transcribed(id: string, text: string): void {
    if (this.#phase === "over") return
    this.#turns.end(id, text)
    if (this.#phase === "closing" && this.#turns.isEmpty) this.#closed()
  }

  #fail(failure: SpeechFailure): void {
    if (this.#phase === "closing") return this.#closed()
    if (this.#phase === "over") return
    this.#phase = "over"
    this.#abort.abort()
    this.#listener({ type: "failed", failure })
  }

  #closed(): void {
    if (this.#phase === "over") return
    this.#phase = "over"
    this.#cancelClosing()
    this.#abort.abort()
    this.#turns.endAll(this.#detector.heardMs)
    this.#listener({ type: "closed" })
  }
}

function settingsOf(profile: TurnProfile) {
  return { threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: SILENCE_MS[profile] }
}

function failureOf(error: unknown): SpeechFailure {
  if (error instanceof SpeechError) return error.failure
  return { reason: "closed", retryable: true, status: null, message: messageOf(error) }
}
