/** One utterance that may be spoken by several providers in turn: what was spoken stays, the next one speaks the rest. */

import type { SpeechServices } from "../connection.ts"
import type { SpeechFailure } from "../failure.ts"
import { isSpeakable } from "../speakable.ts"
import type { SpeechUtterance, UtteranceEvent, UtteranceListener } from "../synthesizer.ts"
import { SpokenPart, type SpeakLine } from "./spoken-part.ts"

export type FailoverUtteranceOptions = {
  listener: UtteranceListener
  services: SpeechServices
  stallMs: number
  /** For how many times `stallMs` a silent provider is kept when no other one answers. */
  stalls: number
  /** The provider that speaks; undefined: all of them failed. */
  line: () => SpeakLine | undefined
  /** Another one, to be asked beside a silent one. */
  other: (line: SpeakLine) => SpeakLine | undefined
  /** This one answered before a silent one, which failed. */
  took: (line: SpeakLine, failure: SpeechFailure) => void
  /** A whole utterance was spoken. */
  works: (line: SpeakLine, msPerCharacter: number | undefined) => void
  failed: (line: SpeakLine, failure: SpeechFailure) => void
  /** Whether an earlier utterance is still being spoken, so that this one has to wait. */
  waits: () => boolean
  /** Why no provider speaks. */
  cause: () => SpeechFailure | undefined
  /** The rest is spoken by another provider: what waits behind it must be, too. */
  moved: () => void
  /** Nothing follows. */
  over: () => void
}

const CHECK_EVERY_MS = 100
/** After so many times `stallMs` without audio from anybody the utterance fails: nobody waits longer in silence. */
const MAX_STALLS = 6
/** Shorter utterances show no pace. */
const MIN_PACE_CHARS = 20

export class FailoverUtterance implements SpeechUtterance {
  readonly #options: FailoverUtteranceOptions
  #text = ""
  #isFinished = false
  #isOver = false
  #wasCancelled = false
  #part: SpokenPart | undefined
  /** Of a provider that was asked beside a silent one. */
  #backup: SpokenPart | undefined
  #passedMs = 0
  /** When the first audio was passed on; the rest is played behind it. */
  #playedFrom: number | undefined
  /** Since when audio is expected. */
  #expectedSince: number
  /** The same, whichever provider it was expected from. */
  #silentSince: number
  #cancelWatch = () => {}

  constructor(options: FailoverUtteranceOptions) {
    this.#options = options
    this.#expectedSince = this.#silentSince = this.#now
    const line = options.line()
    if (line) this.#part = this.#begin(line, 0)
    else queueMicrotask(() => this.#end({ type: "failed", failure: options.cause() ?? ALL_FAILED }))
  }

  say(clause: string): void {
    if (this.#isOver || this.#isFinished || !this.#part) return
    if (!this.#part.isPending(false)) this.#expectedSince = this.#silentSince = this.#now
    if (this.#text === "") {
      this.#cancelWatch = this.#options.services.sweep.every(CHECK_EVERY_MS, () => this.#check())
    }
    this.#text += clause
    this.#part.say(clause)
    this.#backup?.say(clause)
  }

  finish(): void {
    if (this.#isOver || this.#isFinished) return
    this.#isFinished = true
    this.#part?.utterance?.finish()
    this.#backup?.utterance?.finish()
  }

  cancel(heardMs: number): void {
    const part = this.#part
    if (this.#wasCancelled) return
    this.#wasCancelled = true
    this.#backup?.utterance?.cancel(0)
    part?.utterance?.cancel(Math.max(0, heardMs - part.baseMs))
    // What was heard of an earlier provider's part only its positions tell.
    if (part && heardMs < part.baseMs) this.#part = undefined
    this.stop()
  }

  /** Ends without an event. */
  stop(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelWatch()
    this.#options.over()
  }

  /** This provider speaks from now on, if the one that did was left in an earlier utterance. */
  moveTo(line: SpeakLine): void {
    const part = this.#part
    if (!this.#isOver && part?.line.isLost) this.#continueWith(line, part)
  }

  get #now(): number {
    return this.#options.services.sweep.clock.monotonic()
  }

  #begin(line: SpeakLine, fromChars: number): SpokenPart {
    const part = new SpokenPart(line, fromChars, this.#passedMs)
    part.utterance = line.synthesizer.speak((event) => this.#event(part, event))
    const rest = this.#text.slice(fromChars)
    if (rest !== "") part.say(rest)
    if (this.#isFinished) part.utterance.finish()
    return part
  }

  #event(part: SpokenPart, event: UtteranceEvent): void {
    if (event.type === "spoken") return this.#spoken(part, event.text)
    if (this.#isOver) return
    if (part === this.#backup) return this.#ofBackup(part, event)
    if (part !== this.#part) return
    switch (event.type) {
      case "audio":
        this.#dropBackup()
        return this.#pass(part, part.audio(event.audio))
      case "position":
        this.#pass(part, part.position(event.chars, event.ms))
        return this.#position(part.baseChars + event.chars, part.baseMs + event.ms)
      case "done":
        if (this.#isMute(part)) return this.#failed(part, MUTE)
        this.#pass(part, part.done())
        this.#options.works(part.line, this.#text.length >= MIN_PACE_CHARS ? part.pace : undefined)
        return this.#end({ type: "done" })
      case "failed":
        return this.#failed(part, event.failure)
      default:
        event satisfies never
    }
  }

  /** The first of two providers that answers is used. */
  #ofBackup(part: SpokenPart, event: UtteranceEvent): void {
    if (event.type === "failed") {
      this.#backup = undefined
      return this.#options.failed(part.line, event.failure)
    }
    const last = this.#part
    this.#backup = undefined
    this.#part = part
    last?.utterance?.cancel(0)
    this.#position(part.baseChars, part.baseMs)
    this.#options.took(part.line, stalled(this.#options.stallMs))
    this.#event(part, event)
  }

  #spoken(part: SpokenPart, text: string): void {
    if (!this.#wasCancelled || part !== this.#part) return
    this.#options.listener({ type: "spoken", text: this.#text.slice(0, part.baseChars) + text })
  }

  #failed(part: SpokenPart, failure: SpeechFailure): void {
    this.#options.failed(part.line, failure)
    if (this.#backup) {
      this.#part = this.#backup
      this.#backup = undefined
      this.#position(this.#part.baseChars, this.#part.baseMs)
      return this.#options.moved()
    }
    const line = this.#options.line()
    if (!line) return this.#end({ type: "failed", failure: this.#options.cause() ?? failure })
    this.#continueWith(line, part)
    this.#options.moved()
  }

  /** Whether the provider has left the whole text out, as words of a language that it does not speak, and another can try. */
  #isMute(part: SpokenPart): boolean {
    const isLeftOut = !part.hasAudio && isSpeakable(this.#text.slice(part.baseChars))
    return isLeftOut && this.#options.other(part.line) !== undefined
  }

  #continueWith(line: SpeakLine, last: SpokenPart): void {
    const chars = last.spokenChars
    this.#position(chars, this.#passedMs)
    this.#expectedSince = this.#now
    this.#part = this.#begin(line, chars)
  }

  #pass(part: SpokenPart, pieces: readonly Uint8Array[]): void {
    if (pieces.length === 0) return
    this.#playedFrom ??= this.#now
    this.#expectedSince = this.#silentSince = this.#now
    this.#passedMs = part.passedMs
    for (const audio of pieces) this.#options.listener({ type: "audio", audio })
  }

  #position(chars: number, ms: number): void {
    if (chars > 0) this.#options.listener({ type: "position", chars, ms: Math.min(ms, this.#passedMs) })
  }

  /** Looks for silence: while nothing comes although something should, and what has come is nearly played. */
  #check(): void {
    const part = this.#part
    const { stallMs, stalls } = this.#options
    if (!part) return
    if (this.#options.waits()) {
      this.#expectedSince = this.#silentSince = this.#now
      return
    }
    const silentMs = this.#now - this.#expectedSince
    const leftMs = (this.#playedFrom ?? 0) + this.#passedMs - this.#now
    if (silentMs < stallMs || leftMs > stallMs) return
    if (!part.isPending(this.#isFinished)) {
      // Everything was spoken, and only the provider's word for it is missing.
      if (this.#isFinished && silentMs >= stallMs * stalls && leftMs <= 0) this.#end({ type: "done" })
      return
    }
    if (this.#now - this.#silentSince >= stallMs * MAX_STALLS) return this.#giveUp(part)
    if (silentMs >= stallMs * stalls) return this.#leave(part)
    if (this.#backup) return
    const line = this.#options.other(part.line)
    if (line && isSpeakable(this.#text.slice(part.spokenChars)))
      this.#backup = this.#begin(line, part.spokenChars)
  }

  /** The silent provider is left; the other one, if any, has as much time again. */
  #leave(part: SpokenPart): void {
    part.utterance?.cancel(0)
    this.#expectedSince = this.#now
    this.#failed(part, stalled(this.#options.stallMs * this.#options.stalls))
  }

  #giveUp(part: SpokenPart): void {
    const failure = stalled(this.#options.stallMs * MAX_STALLS)
    part.utterance?.cancel(0)
    this.#dropBackup()
    this.#options.failed(part.line, failure)
    this.#end({ type: "failed", failure })
  }

  #dropBackup(): void {
    this.#backup?.utterance?.cancel(0)
    this.#backup = undefined
  }

  #end(event: UtteranceEvent): void {
    if (this.#isOver) return
    const { listener } = this.#options
    this.#dropBackup()
    if (event.type === "done") this.#position(this.#text.length, this.#passedMs)
    this.stop()
    listener(event)
  }
}

function stalled(ms: number): SpeechFailure {
  return { reason: "stalled", retryable: true, status: null, message: `no audio for ${ms} ms` }
}

const MUTE: SpeechFailure = {
  reason: "rejected",
  retryable: true,
  status: null,
  message: "the text was not spoken",
}

const ALL_FAILED: SpeechFailure = {
  reason: "unreachable",
  retryable: true,
  status: null,
  message: "every provider has failed",
}
