/**
 * A synthesizer that makes a request for each clause: the next one is made while the current one is spoken, and audio
 * comes in the order of the text. Whatever answers the requests.
 */

import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"
import { messageOf } from "../lib/errors.ts"
import type { SpeechServices } from "./connection.ts"
import { SpeechError, type SpeechFailure } from "./failure.ts"
import { isSpeakable, piecesOf } from "./speakable.ts"
import type { SpeechUtterance, Synthesizer, UtteranceListener } from "./synthesizer.ts"

/**
 * Has a text spoken: passes each piece of its mu-law 8 kHz to `take`, and resolves after the last one. Rejects with a
 * `SpeechError`, or with anything once the signal is aborted.
 */
export type RequestSpeech = (
  text: string,
  signal: AbortSignal,
  take: (audio: Uint8Array) => void,
) => Promise<void>

export type RequestSynthesizerOptions = {
  request: RequestSpeech
  /** Longest time of one request, in milliseconds. */
  timeoutMs: number
  /** The longest text of one request. */
  maxTextLength: number
}

type Said = {
  readonly listener: UtteranceListener
  isOver: boolean
  isFinished: boolean
  /** Text without a word, which is requested in front of the next word. */
  held: string
  /** Characters of the whole text so far. */
  chars: number
  audioMs: number
}

/** A piece of an utterance, or its end. `chars`: characters of the utterance up to its end. */
type Part = { said: Said; chars: number; request: "none" | Request; text: string }
type Request = { abort: AbortController; kept: Uint8Array[]; isDone: boolean; failure?: SpeechFailure }

/** Requests at once: the one that is spoken, and the next. */
const MAX_REQUESTS = 2
const MAX_PARTS = 500

export class RequestSynthesizer implements Synthesizer {
  readonly #options: RequestSynthesizerOptions
  readonly #services: SpeechServices
  /** In the order of speaking; the audio of the first one is passed on. */
  #parts: Part[] = []
  #isClosed = false

  constructor(options: RequestSynthesizerOptions, services: SpeechServices) {
    this.#options = options
    this.#services = services
  }

  speak(listener: UtteranceListener): SpeechUtterance {
    const said: Said = { listener, isOver: this.#isClosed, isFinished: false, held: "", chars: 0, audioMs: 0 }
    // An utterance keeps its place in the order from its beginning.
    this.#parts.push({ said, chars: 0, request: "none", text: "" })
    return {
      say: (clause) => this.#say(said, clause),
      finish: () => {
        said.isFinished = true
        queueMicrotask(() => this.#pump())
      },
      cancel: () => {
        said.isOver = true
        this.#drop(said)
      },
    }
  }

  close(): void {
    this.#isClosed = true
    for (const { said, request } of this.#parts.splice(0)) {
      said.isOver = true
      if (request !== "none") request.abort.abort()
    }
  }

  #say(said: Said, clause: string): void {
    if (said.isOver || said.isFinished || this.#parts.length >= MAX_PARTS) return
    said.chars += clause.length
    said.held += clause
    if (!isSpeakable(said.held)) return
    const pieces = piecesOf(said.held, this.#options.maxTextLength)
    said.held = ""
    let chars = said.chars - pieces.reduce((sum, { length }) => sum + length, 0)
    // Before the end of the utterance, which is its last part.
    const at = this.#parts.findLastIndex((part) => part.said === said)
    const added = pieces.map((text): Part => ({ said, text, request: "none", chars: (chars += text.length) }))
    this.#parts.splice(at, 0, ...added)
    this.#pump()
  }

  /** Passes on what has come, and makes the requests that may be made. */
  #pump(): void {
    for (let part = this.#parts[0]; part && this.#passOn(part); part = this.#parts[0]) this.#parts.shift()
    let requests = 0
    for (const part of this.#parts) {
      // More text of this utterance may come in front of the next one's.
      if (part.text === "" && !part.said.isFinished) return
      if (part.text === "") continue
      if (part.request === "none") part.request = this.#begin(part)
      if (++requests >= MAX_REQUESTS) return
    }
  }

  /** Returns whether all of a part was passed on. */
  #passOn({ said, chars, request, text }: Part): boolean {
    if (text === "") return said.isFinished && this.#end(said)
    if (request === "none") return false
    for (const audio of request.kept.splice(0)) {
      said.audioMs += audio.length / MULAW_BYTES_PER_MS
      said.listener({ type: "audio", audio })
    }
    if (request.failure) this.#fail(said, request.failure)
    else if (request.isDone) said.listener({ type: "position", chars, ms: said.audioMs })
    return request.isDone
  }

  #end(said: Said): boolean {
    said.isOver = true
    said.listener({ type: "position", chars: said.chars, ms: said.audioMs })
    said.listener({ type: "done" })
    return true
  }

  #begin(part: Part): Request {
    const abort = new AbortController()
    const request: Request = { abort, kept: [], isDone: false }
    const { timeoutMs, request: send } = this.#options
    const timeout: SpeechFailure = {
      reason: "timeout",
      retryable: true,
      status: null,
      message: `not spoken in ${timeoutMs} ms`,
    }
    const cancelTimeout = this.#services.sweep.after(timeoutMs, () => abort.abort(new SpeechError(timeout)))
    const take = (audio: Uint8Array) => {
      if (abort.signal.aborted || audio.length === 0) return
      request.kept.push(audio)
      if (this.#parts[0] === part) this.#pump()
    }
    const ended = send(part.text, abort.signal, take)
      .catch((error: unknown) => {
        request.failure = failureOf(abort.signal.aborted ? abort.signal.reason : error)
      })
      .finally(() => {
        cancelTimeout()
        request.isDone = true
        if (!part.said.isOver) this.#pump()
      })
    this.#services.log.background("request to a synthesizer", ended)
    return request
  }

  #fail(said: Said, failure: SpeechFailure): void {
    said.isOver = true
    this.#drop(said)
    said.listener({ type: "failed", failure })
  }

  /** Takes an utterance out of the order and aborts its requests. */
  #drop(said: Said): void {
    for (const { said: owner, request } of this.#parts)
      if (owner === said && request !== "none") request.abort.abort()
    this.#parts = this.#parts.filter(({ said: owner }) => owner !== said)
    queueMicrotask(() => this.#pump())
  }
}

function failureOf(error: unknown): SpeechFailure {
  if (error instanceof SpeechError) return error.failure
  return { reason: "closed", retryable: true, status: null, message: messageOf(error) }
}
