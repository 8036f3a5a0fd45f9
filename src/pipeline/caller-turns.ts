/** The caller's side of the pipeline: what was recognised becomes interruptions and turns of the conversation. */

import type { InterruptionRule } from "../assets/agent.ts"
import type { AudioTap } from "../call/audio-tap.ts"
import type { CallId } from "../call/ids.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { AudioSink } from "../media/media-session.ts"
import type { SpeechFailure } from "../speech/failure.ts"
import type { OpenTranscriber, Transcriber, TranscriberEvent, TurnProfile } from "../speech/transcriber.ts"
import { VoiceInterruption } from "./voice-interruption.ts"
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
  /** Of the agent. */
  rule?: InterruptionRule | undefined
  /** What the agent is saying. */
  queue: Pick<SpokenQueue, "isSpeaking" | "isPaused" | "saying" | "quietAt" | "pause" | "resume">
  /** The caller is saying something. */
  onSpeech: () => void
  /** The caller interrupts the agent. */
  onInterruption: () => void
  /** The caller has finished saying something. `answered`: whether it asks for an answer. */
  onTurn: (text: string, turn: { answered: boolean }) => void
  /** Nothing can be heard any more. Not called after `close`. */
  onFailed: (failure: SpeechFailure) => void
  sweep: Sweep
}

const DEFAULT_RULE: InterruptionRule = { characters: 5, voiceMs: null, falseInterruption: "resume" }

export class CallerTurns implements AudioSink {
  readonly #options: CallerTurnsOptions
  readonly #transcriber: Transcriber
  #profile: TurnProfile = "conversation"
  #onClosed: (() => void) | undefined
  /** What the agent was saying when the running turn was its echo so far: the end of a turn comes after a pause. */
  #echoOf: string | undefined
  readonly #characters: number
  readonly #voice: VoiceInterruption | undefined
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)

  constructor(options: CallerTurnsOptions) {
    this.#options = options
    const { queue, sweep, rule = DEFAULT_RULE } = options
    const { characters, voiceMs, falseInterruption } = rule
    this.#characters = characters
    if (voiceMs !== null) {
      const isFinal = falseInterruption === "cut"
      const onInterruption = () => this.#interrupt()
      this.#voice = new VoiceInterruption({ voiceMs, isFinal, queue, onInterruption, sweep })
    }
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
    // A menu speaks while keys are sent, and a tone that stops and begins again is two.
    if (this.#profile !== "menu") this.#voice?.hear(audio)
    if (tap.hasListeners(callId)) tap.inbound(callId, payload)
  }

  /** What the caller is expected to say next. */
  expect(profile: TurnProfile): void {
    if (profile === this.#profile) return
    this.#profile = profile
    this.#transcriber.expect(profile)
  }

  /** Words that were said before are still recorded, as turns that are not answered; then `onClosed` is called. */
  close(onClosed: () => void): void {
    this.#onClosed = onClosed
    this.#voice?.close()
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
    const { queue, onSpeech } = this.#options
    if (this.#onClosed) return
    if (this.#isEcho(text)) return
    onSpeech()
    if (!queue.isSpeaking) return
    if (interrupts(text, { saying: queue.saying, characters: this.#characters })) this.#interrupt()
  }

  /** Whether the running turn is an echo of the agent so far. */
  #isEcho(text: string): boolean {
    const { queue } = this.#options
    const said = joined(this.#echoOf, queue.saying)
    const isKnown = this.#echoOf !== undefined
    this.#echoOf = undefined
    if ((!queue.isSpeaking && !isKnown) || !isEcho(text, said)) return false
    // Words that begin when the agent is about to finish may be an answer that repeats its words.
    if (isKnown || this.#leftMs > ANSWERED_WITHIN_MS) this.#echoOf = said
    return true
  }

  /** How long the agent will still be heard, in milliseconds. */
  get #leftMs(): number {
    const { queue, sweep } = this.#options
    return queue.quietAt() - sweep.clock.monotonic()
  }

  #ended(text: string): void {
    const { queue, onTurn } = this.#options
    const echoOf = this.#echoOf
    this.#echoOf = undefined
    if (this.#onClosed) return text === "" ? undefined : onTurn(text, { answered: false })
    if (echoOf !== undefined && isEcho(text, echoOf)) return this.#voice?.dismissed()
    if (!queue.isSpeaking) return text === "" ? undefined : onTurn(text, { answered: true })
    if (text === "" || isEcho(text, queue.saying)) return this.#voice?.dismissed()
    if (isListening(text) && this.#leftMs > ANSWERED_WITHIN_MS) {
      onTurn(text, { answered: false })
      return this.#voice?.dismissed()
    }
    this.#interrupt()
    onTurn(text, { answered: true })
  }

  #interrupt(): void {
    this.#voice?.over()
    this.#options.onInterruption()
  }
}

/** All that the agent has said while its echo came back. */
function joined(before = "", saying: string): string {
  if (before === "" || saying.startsWith(before)) return saying
  return before.includes(saying) ? before : `${before} ${saying}`
}
