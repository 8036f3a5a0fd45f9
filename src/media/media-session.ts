/** One media-stream socket of Twilio's: which frames go where, and whether the stream is alive. Knows no engine. */

import { CallSession, type CallSessionOptions, type SessionEngine } from "../conversation/call-session.ts"
import type { CallContext } from "../conversation/call-context.ts"
import type { SocketSession } from "../lib/socket.ts"
import {
  parseMediaFrame,
  sliceInboundMark,
  sliceInboundMedia,
  type MediaInbound,
  type MediaStart,
} from "../twilio/media-messages.ts"
import { MediaStream } from "./media-stream.ts"

/** Where the caller's audio goes. */
export interface AudioSink {
  /** A piece of it, base64 mu-law 8 kHz: fifty times a second. Must not throw, wait, log or allocate much. */
  hear(payload: string): void
}

/** A conversation on a media stream. Implemented by each engine. */
export interface MediaEngine extends SessionEngine {
  /** Never changes. */
  readonly callerAudio: AudioSink
  /** A mark came back: what was sent before it was heard, or cleared. */
  reached(mark: string): void
  /** The caller pressed a key: `0`–`9`, `*` or `#`. */
  dtmf(digit: string): void
}

export type OpenMediaEngine = (context: CallContext, stream: MediaStream, start: MediaStart) => MediaEngine

export type MediaSessionOptions = CallSessionOptions & { openEngine: OpenMediaEngine }

/** Audio comes fifty times a second, silence included: a stream without audio at two checks in a row is lost. */
const CHECK_EVERY_MS = 15_000
/** The format of every stream that is documented. (Twilio: "Media Streams: WebSocket messages".) */
const ENCODING = "audio/x-mulaw"
/** Ten seconds of audio frames, and as many marks and keys as come with them. */
const WAITING = { frames: 600, characters: 256 * 1024 }

export class MediaSession implements SocketSession {
  /** Where the caller's audio goes while the session is live. */
  #sink: AudioSink | undefined
  #framesSeen = 0
  /** Whether Twilio has said that the stream is over. */
  #isStopped = false
  readonly #options: MediaSessionOptions
  readonly #session: CallSession<MediaEngine>
  #cancelChecks = () => {}

  constructor(options: MediaSessionOptions) {
    this.#options = options
    this.#session = new CallSession(options, {
      firstFrame: "start",
      waiting: WAITING,
      deliver: (text) => this.receive(text),
    })
  }

  receive(text: string): void {
    const payload = this.#sink && sliceInboundMedia(text)
    if (payload !== undefined) {
      this.#framesSeen += 1
      return this.#sink?.hear(payload)
    }
    const { state } = this.#session
    switch (state.phase) {
      case "awaiting-first-frame":
        return this.#first(text)
      case "opening":
        return this.#session.wait(text)
      case "live": {
        const mark = sliceInboundMark(text)
        return mark === undefined ? this.#hear(state.live, text) : state.live.reached(mark)
      }
      case "closed":
        return
      default:
        state satisfies never
    }
  }

  closed(code: number, reason: string): void {
    const { state } = this.#session
    this.#sink = undefined
    this.#cancelChecks()
    this.#session.closed(code, reason)
    if (state.phase === "live" && this.#isStopped) this.#options.lifecycle.callerLeft(state.call.id)
  }

  #first(text: string): void {
    const frame = this.#parse(text)
    if (frame?.type === "start") return this.#open(frame)
    if (frame && frame.type !== "connected") this.#session.reject(`'${frame.type}' came before 'start'`)
  }

  #open(start: MediaStart): void {
    const { callSid, streamSid: sessionId, customParameters, format } = start
    const { encoding, sampleRateHz } = format
    if (encoding !== ENCODING || sampleRateHz !== 8_000) {
      this.#session.log.error("stream of another format", { callSid, encoding, sampleRateHz })
      return this.#session.refuse(4400, "the format of the stream is not mu-law at 8 kHz")
    }
    this.#session.open({ callSid, sessionId, customParameters }, (context) => {
      const { socket, sweep, openEngine } = this.#options
      const stream = new MediaStream({ socket, streamSid: sessionId, clock: sweep.clock })
      const engine = openEngine(context, stream, start)
      this.#sink = engine.callerAudio
      this.#cancelChecks = this.#checkAudio()
      return engine
    })
  }

  #hear(engine: MediaEngine, text: string): void {
    const frame = this.#parse(text)
    if (!frame) return
    switch (frame.type) {
      case "media":
        this.#framesSeen += 1
        if (frame.track === "inbound") this.#sink?.hear(frame.payload)
        return
      case "mark":
        return engine.reached(frame.name)
      case "dtmf":
        return engine.dtmf(frame.digit)
      case "stop":
        this.#isStopped = true
        // Twilio closes the socket next; if it does not, we do.
        return this.#options.socket.close(1000, "the stream was stopped")
      case "connected":
      case "start":
        return this.#session.log.warn("a second opening of a stream was ignored", { frame: frame.type })
      case "unknown":
        return this.#session.log.debug("a frame of an unknown type was ignored", { frame: frame.name })
      default:
        frame satisfies never
    }
  }

  #parse(text: string): MediaInbound | undefined {
    const parsed = parseMediaFrame(text)
    if (parsed.ok) return parsed.frame
    this.#session.reject(parsed.reason)
    return undefined
  }

  /** Closes a stream without audio; Twilio, if it is still there, then asks for the next step. */
  #checkAudio(): () => void {
    const { socket, sweep } = this.#options
    const { log } = this.#session
    let seen = 0
    let missed = 0
    return sweep.every(CHECK_EVERY_MS, () => {
      missed = this.#framesSeen === seen ? missed + 1 : 0
      seen = this.#framesSeen
      if (missed < 2) return
      log.warn("stream carries no audio and is closed", { silentMs: missed * CHECK_EVERY_MS })
      socket.close(1011, "no audio came")
    })
  }
}
