/**
 * The caller's audio on its way to the model and to observers. Fifty times a second in every call, so a frame touches as
 * few objects as possible: at that rate most of the cost is fetching each object from memory.
 */

import { LOOK_EVERY_CHARS, SpeechActivity, type SpeechActivityChange } from "../audio/speech-activity.ts"
import type { AudioTap } from "../call/audio-tap.ts"
import type { CallId } from "../call/ids.ts"
import type { Log } from "../lib/log.ts"
import { UnconfirmedSpeech } from "./unconfirmed-speech.ts"

/** Base64 characters of ten seconds of mu-law: kept while no connection is ready. */
const MAX_WAITING_CHARS = Math.ceil((10 * 8000 * 4) / 3)
/** About ten seconds of audio on the way out; a slower connection gets no more. */
const MAX_BUFFERED_BYTES = 160_000
/** Pieces between two checks of whether the connection is too slow: 320 ms. */
const CHECK_EVERY_PIECES = 16

/** A connection that is ready to take the caller's audio. */
export interface AudioConnection {
  /** Bytes that were given to `send` and have not left yet. */
  readonly bufferedAmount: number
  send(text: string): void
}

export type CallerAudioOptions = {
  callId: CallId
  /** The frame that carries a payload (base64 mu-law, 8 kHz) over the connection. */
  encode: (payload: string) => string
  tap: AudioTap
  log: Log
}

export class CallerAudio {
  #socket: AudioConnection | undefined
  #pieces = 0
  #isSlow = false
  readonly #encode: (payload: string) => string
  readonly #tap: AudioTap
  readonly #callId: CallId
  readonly #log: Log
  readonly #activity = new SpeechActivity()
  #onSpeech: (change: SpeechActivityChange) => void = () => {}
  /** Audio since the last look at its loudness. */
  #unseenChars = 0
  /** Whether what the caller says is kept until the model has confirmed it. */
  #isKept = false
  readonly #unconfirmed = new UnconfirmedSpeech()
  #droppedChars = 0
  #waiting: string[] = []
  #waitingChars = 0

  constructor({ callId, encode, tap, log }: CallerAudioOptions) {
    this.#encode = encode
    this.#tap = tap
    this.#callId = callId
    this.#log = log
  }

  /** Pieces that were sent to the connection in use. */
  get pieces(): number {
    return this.#pieces
  }

  /** Audio that was dropped because a connection was too slow, in milliseconds. */
  get droppedMs(): number {
    return Math.round((this.#droppedChars * 3) / 4 / 8)
  }

  /** A piece of it, base64 mu-law. Without a connection it waits; of more than ten seconds the oldest is dropped. */
  hear(payload: string): void {
    if (this.#socket) this.#send(this.#socket, payload)
    else this.#wait(payload)
    this.#unseenChars += payload.length
    if (this.#unseenChars >= LOOK_EVERY_CHARS) this.#look(payload)
    if (this.#tap.hasListeners(this.#callId)) this.#tap.inbound(this.#callId, payload)
  }

  /** Receives what the caller's audio says of itself, by its loudness; see `SpeechActivity`. */
  watchSpeech(onSpeech: (change: SpeechActivityChange) => void): void {
    this.#onSpeech = onSpeech
  }

  /** How long the caller has been quiet by now, in milliseconds. */
  get quietMs(): number {
    return this.#activity.quietMs
  }

  /** The other side has noticed that the caller speaks: what was said need not be sent again. */
  speechConfirmed(): void {
    this.#activity.confirm()
    this.speechTaken()
  }

  /** The other side has continued without this: what was said need not be sent again. */
  speechTaken(): void {
    this.#isKept = false
    this.#unconfirmed.take()
  }

  /** The other side has not noticed speech that was reported here. */
  speechDoubted(): void {
    this.#activity.doubt()
  }

  /** Audio in place of what does not arrive: for the model alone. */
  fill(payload: string): void {
    if (this.#socket) this.#send(this.#socket, payload)
  }

  /** Sends to this connection from now on, which is ready; first what waited. */
  sendTo(socket: AudioConnection): void {
    this.hold()
    this.#socket = socket
    this.#isSlow = false
    this.#pieces = 0
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingChars = 0
    for (const payload of waiting) socket.send(this.#encode(payload))
  }

  /** The connection is lost; another one may follow, and gets the speech that this one may not have heard. */
  hold(): void {
    this.#socket = undefined
    this.#isKept = false
    for (const payload of this.#unconfirmed.take()) this.#wait(payload)
  }

  #send(socket: AudioConnection, payload: string): void {
    if (this.#pieces % CHECK_EVERY_PIECES === 0) this.#check(socket)
    this.#pieces += 1
    if (this.#isKept) this.#unconfirmed.add(payload)
    if (this.#isSlow) this.#droppedChars += payload.length
    else socket.send(this.#encode(payload))
  }

  /** Not at every piece: each object that a frame touches costs. */
  #look(payload: string): void {
    const change = this.#activity.look(payload, this.#unseenChars)
    this.#unseenChars = 0
    if (change === undefined) return
    if (change === "dropped") this.speechTaken()
    else if (change === "started" && this.#socket && !this.#isKept) {
      this.#isKept = true
      this.#unconfirmed.add(payload)
    }
    this.#onSpeech(change)
  }

  #wait(payload: string): void {
    this.#waiting.push(payload)
    this.#waitingChars += payload.length
    while (this.#waitingChars > MAX_WAITING_CHARS) this.#waitingChars -= this.#waiting.shift()?.length ?? 0
  }

  #check({ bufferedAmount }: AudioConnection): void {
    const isSlow = bufferedAmount > MAX_BUFFERED_BYTES
    if (isSlow === this.#isSlow) return
    this.#isSlow = isSlow
    const { droppedMs } = this
    if (isSlow) this.#log.warn("the model receives the caller's audio too slowly", { bufferedAmount })
    else this.#log.info("the model receives the caller's audio again", { droppedMs })
  }
}
