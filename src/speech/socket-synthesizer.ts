/** A synthesizer over one socket: utterances one after another, cancelled in the middle, whatever vendor is behind it. */

import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"
import { SpeechConnection, type SpeechServices } from "./connection.ts"
import type { SpeechFailure } from "./failure.ts"
import type { SpeechDialect, SpeechSignal } from "./speech-dialect.ts"
import type { Synthesizer, SpeechUtterance, UtteranceListener } from "./synthesizer.ts"
import { FlushLimit } from "./flush-limit.ts"
import { isSpeakable, piecesOf } from "./speakable.ts"

type Said = {
  readonly listener: UtteranceListener
  /** `queued`: nothing was sent. `speaking`: the server has some of its text. `over`: no audio follows. */
  state: "queued" | "speaking" | "over"
  unsent: string[]
  /** Text without a word, which is sent in front of the next word. */
  held: string
  /** Characters of the whole text so far. */
  chars: number
  isFinished: boolean
  /** Whether the frame was sent after which nothing of it is left. */
  isFlushed: boolean
  /** For each flush that was not confirmed yet, the characters of the text before it. */
  flushes: number[]
  audioMs: number
}

/** Utterances that wait for their turn. */
const MAX_QUEUED = 32
/** How long a server may take to confirm a cancellation, in milliseconds. */
const CANCEL_MS = 500

export class SocketSynthesizer<Message> implements Synthesizer {
  readonly #dialect: SpeechDialect<Message>
  readonly #services: SpeechServices
  readonly #connection: SpeechConnection<Message>
  readonly #onLost: (failure: SpeechFailure) => void
  /** The first one is being spoken. */
  readonly #queue: Said[] = []
  /** The utterance whose cancellation is not confirmed yet. */
  #cancelled: { said: Said; cancelDeadline: () => void } | undefined
  /** The utterance that was done last: the caller may still hear it. */
  #last: Said | undefined
  readonly #flushLimit: FlushLimit
  #isReady = false
  #failure: SpeechFailure | undefined
  /** Audio of earlier utterances that was played, in milliseconds. */
  #playedMs = 0

  constructor(
    dialect: SpeechDialect<Message>,
    services: SpeechServices,
    onLost: (failure: SpeechFailure) => void,
  ) {
    this.#dialect = dialect
    this.#services = services
    this.#onLost = onLost
    this.#flushLimit = new FlushLimit(dialect.flushesPerMinute)
    this.#connection = new SpeechConnection({
      ...services,
      address: dialect.address,
      schema: dialect.schema,
      opened: () => {
        this.#send(dialect.hello)
        if (dialect.readyWhenOpen) this.#ready()
      },
      message: (message) => {
        for (const signal of dialect.read(message)) this.#receive(signal)
      },
      audio: (audio) => this.#audio(audio),
      lost: (failure) => this.#lost(failure),
    })
  }

  speak(listener: UtteranceListener): SpeechUtterance {
    const said: Said = {
      listener,
      state: "queued",
      unsent: [],
      held: "",
      chars: 0,
      isFinished: false,
      isFlushed: false,
      flushes: [],
      audioMs: 0,
    }
    const failure = this.#failure ?? (this.#queue.length >= MAX_QUEUED ? FULL : undefined)
    if (failure) queueMicrotask(() => this.#fail(said, failure))
    else this.#queue.push(said)
    return {
      say: (clause) => this.#say(said, clause),
      finish: () => this.#finish(said),
      cancel: (heardMs) => this.#cancel(said, heardMs),
    }
  }

  close(): void {
    this.#failure ??= { reason: "closed", retryable: false, status: null, message: "closed by its owner" }
    this.#cancelled?.cancelDeadline()
    for (const said of this.#queue.splice(0)) said.state = "over"
    this.#send(this.#dialect.goodbye)
    this.#connection.close()
  }

  #say(said: Said, clause: string): void {
    if (said.state === "over" || said.isFinished) return
    said.chars += clause.length
    said.held += clause
    if (isSpeakable(said.held)) {
      said.unsent.push(...piecesOf(said.held, this.#dialect.maxTextLength))
      said.held = ""
    }
    this.#pump()
  }

  #finish(said: Said): void {
    said.isFinished = true
    // Later, because it may be done at once.
    queueMicrotask(() => this.#pump())
  }

  /** Sends what the server may have now. */
  #pump(): void {
    const [said] = this.#queue
    if (!said || !this.#isReady || this.#cancelled || this.#failure) return
    const dialect = this.#dialect
    if (said.unsent.length > 0 && said.state === "queued") {
      said.state = "speaking"
      this.#send(dialect.begin())
    }
    const texts = said.unsent.splice(0)
    for (const text of texts) this.#send(dialect.say(text))
    if (said.isFinished) this.#flushRest(said, texts.length > 0)
    else if (texts.length > 0 && this.#flushLimit.admits(this.#services.sweep.clock.monotonic())) {
      this.#flush(said)
    }
  }

  #flushRest(said: Said, hasNewText: boolean): void {
    if (said.isFlushed) return
    said.isFlushed = true
    const isSaid = said.state === "queued" || (!hasNewText && said.flushes.at(-1) === said.chars)
    if (!isSaid) this.#flush(said)
    if (said.flushes.length === 0) this.#done(said)
  }

  #flush(said: Said): void {
    said.flushes.push(said.chars)
    this.#send(this.#dialect.flush())
  }

  #send(frames: readonly string[]): void {
    for (const frame of frames) this.#connection.send(frame)
  }

  #cancel(said: Said, heardMs: number): void {
    const isHeard = said === this.#last
    const wasSpeaking = said.state === "speaking"
    if (said.state === "over" && !isHeard) return
    said.state = "over"
    said.unsent = []
    if (isHeard) {
      this.#last = undefined
      this.#playedMs += heardMs - said.audioMs
    } else {
      this.#queue.splice(this.#queue.indexOf(said), 1)
      this.#playedMs += heardMs
    }
    // A speech that is over is cancelled to learn what was heard of it, unless the next one would be stopped.
    const isAsked = wasSpeaking || (isHeard && this.#dialect.confirmsCancel && this.#queue.length === 0)
    if (!isAsked) return this.#pump()
    this.#send(this.#dialect.cancel(Math.round(this.#playedMs)))
    if (this.#dialect.confirmsCancel) this.#awaitCancel(said)
    else this.#pump()
  }

  #awaitCancel(said: Said): void {
    const cancelDeadline = this.#services.sweep.after(CANCEL_MS, () => this.#wasCancelled(undefined))
    this.#cancelled = { said, cancelDeadline }
  }

  #wasCancelled(spoken: string | undefined): void {
    const cancelled = this.#cancelled
    if (!cancelled) return
    cancelled.cancelDeadline()
    this.#cancelled = undefined
    if (spoken !== undefined) cancelled.said.listener({ type: "spoken", text: spoken })
    this.#pump()
  }

  #receive(signal: SpeechSignal): void {
    switch (signal.type) {
      case "ready":
        return this.#ready()
      case "audio":
        return this.#audio(signal.audio, signal.positions)
      case "flushed":
        // The end of a cancelled utterance is not the end of the next one.
        return this.#cancelled ? undefined : this.#flushed()
      case "cancelled":
        return this.#wasCancelled(signal.spoken)
      case "send":
        return this.#connection.send(signal.frame)
      case "warning":
        return this.#services.log.info("warning of the synthesizer", { code: signal.code })
      case "failed":
        return this.#connection.fail(signal.failure)
      default:
        signal satisfies never
    }
  }

  #flushed(): void {
    const [said] = this.#queue
    const chars = said?.flushes.shift()
    if (!said || chars === undefined) return
    if (said.isFlushed && said.flushes.length === 0) this.#done(said)
    else said.listener({ type: "position", chars, ms: said.audioMs })
  }

  #ready(): void {
    this.#isReady = true
    this.#pump()
  }

  #audio(audio: Uint8Array, positions: readonly { chars: number; ms: number }[] = []): void {
    const [said] = this.#queue
    if (!said || said.state !== "speaking" || this.#cancelled) return
    if (audio.length > 0) {
      said.audioMs += audio.length / MULAW_BYTES_PER_MS
      said.listener({ type: "audio", audio })
    }
    for (const { chars, ms } of positions) said.listener({ type: "position", chars, ms })
  }

  #done(said: Said): void {
    said.state = "over"
    this.#queue.shift()
    this.#last = said
    this.#playedMs += said.audioMs
    said.listener({ type: "position", chars: said.chars, ms: said.audioMs })
    said.listener({ type: "done" })
    this.#pump()
  }

  #lost(failure: SpeechFailure): void {
    this.#failure = failure
    this.#cancelled?.cancelDeadline()
    this.#cancelled = undefined
    for (const said of this.#queue.splice(0)) this.#fail(said, failure)
    this.#onLost(failure)
  }

  #fail(said: Said, failure: SpeechFailure): void {
    if (said.state === "over") return
    said.state = "over"
    said.listener({ type: "failed", failure })
  }
}

const FULL: SpeechFailure = {
  reason: "stalled",
  retryable: true,
  status: null,
  message: "too many utterances wait",
}
