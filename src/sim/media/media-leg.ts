/**
 * Twilio's end of one bidirectional media stream: sends what the caller says, plays what the server sends.
 * Source: Twilio "Media Streams: WebSocket messages" and "TwiML Voice: <Stream>".
 */

import { encodeMulaw, MULAW_BYTES_PER_MS, MULAW_RATE_HZ, silence } from "../../audio/mulaw.ts"
import { resample } from "../../audio/resample.ts"
import { isWav, readWav } from "../../audio/wav.ts"
import { getLog } from "../../lib/log.ts"
import type { Sweep } from "../../lib/sweep.ts"
import type { CallRecording } from "./call-recording.ts"
import type { MediaTicker } from "./media-ticker.ts"
import { parseServerFrame, TwilioFrames, type StreamFrame, type StreamStart } from "./media-wire.ts"
import { PlaybackBuffer, type HeardAudio } from "./playback-buffer.ts"
import { RelaySocket } from "../relay/relay-socket.ts"

/** How a stream ended. After each but the hang-up the verb behind `<Connect>` runs. */
export type StreamEnd = {
  streamSid: string
  reason: "hang-up" | "server-closed" | "lost" | "failed"
  seconds: number
  /** Media frames to and from the server. */
  sent: number
  received: number
  /** How much of the server's audio was heard, in whole milliseconds. */
  heardMs: number
  /** Why it failed, beginning with the number in Twilio's dictionary. */
  problem?: string
}

export type MediaLegOptions = {
  sweep: Sweep
  ticker: MediaTicker
  /** Speed of the stream relative to real time. */
  speed: number
  /** Where the socket is opened, with the signature among the headers. */
  url: string
  headers: Record<string, string>
  streamSid: string
  start: StreamStart
  recording?: CallRecording | undefined
  onStart: () => void
  onFrame: (frame: StreamFrame) => void
  onHeard: (heard: HeardAudio) => void
  /** What Twilio's debugger would show of a stream that continues. */
  problem: (text: string) => void
}

type Speech = { audio: Uint8Array; at: number; said: () => void }

const log = getLog("sim")

const FRAME_MS = 20
const FRAME_BYTES = FRAME_MS * MULAW_BYTES_PER_MS
const SILENCE = silence(FRAME_MS)
const SILENCE_BASE64 = SILENCE.toBase64()
/** What may wait for a server that reads too slowly; more is not sent. */
const MAX_UNSENT_BYTES = 256 * 1024

export class MediaLeg {
  readonly streamSid: string
  /** When the stream is over and its socket is closed. Never rejects. */
  readonly ended: Promise<StreamEnd>
  readonly #options: MediaLegOptions
  readonly #frames: TwilioFrames
  readonly #buffer: PlaybackBuffer
  readonly #socket: RelaySocket
  readonly #end = Promise.withResolvers<StreamEnd>()
  readonly #reported = new Set<string>()
  #leaveTicker = () => {}
  #over = false
  /** Undefined until the socket is open. */
  #startedMs: number | undefined
  /** Frames of the caller's time that are over, sent or not. */
  #framesPast = 0
  #sent = 0
  #received = 0
  #heardBytes = 0
  #speech: Speech[] = []

  constructor(options: MediaLegOptions) {
    const { streamSid, recording } = options
    this.#options = options
    this.streamSid = streamSid
    this.ended = this.#end.promise
    this.#frames = new TwilioFrames(streamSid)
    this.#buffer = new PlaybackBuffer({
      onHeard: (heard) => {
        this.#heardBytes += heard.audio.length
        options.onHeard(heard)
      },
      onMark: (name) => this.#transmit("mark", () => this.#frames.mark(name), name),
      onSamples: recording && ((samples) => recording.heard(samples)),
    })
    this.#socket = new RelaySocket({
      ...options,
      onOpen: () => this.#opened(),
      onText: (text) => this.#receive(text),
      onLost: (opened) => this.#lost(opened),
    })
  }

  get agentSpeaking(): boolean {
    this.#tick()
    return this.#buffer.playing
  }

  /** Milliseconds since the stream began, in its own time. */
  get nowMs(): number {
    return this.#now() / MULAW_BYTES_PER_MS
  }

  /**
   * The caller says something, after what is being said: a WAV that `readWav` knows, or mu-law at 8 kHz. Resolves when its
   * last frame was sent or the stream is over. Throws `AppError` INVALID_REQUEST for a WAV that cannot be read.
   */
  say(audio: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#over || audio.length === 0) resolve()
    else this.#speech.push({ audio: mulawOf(audio), at: 0, said: resolve })
    return promise
  }

  /** One key. Returns whether it was sent to the server. */
  press(digit: string): boolean {
    return this.#transmit("dtmf", () => this.#frames.dtmf(digit), digit)
  }

  sendRaw(text: string): void {
    this.#transmit("raw", () => text, text)
  }

  /** The call is over or goes another way, for a reason that is not the server's. */
  hangup(): void {
    this.#finish("hang-up")
    this.#socket.close(1000, "")
  }

  /** The network fails: no close frame is sent. */
  drop(): void {
    this.#finish("lost")
    this.#socket.cut()
  }

  #opened(): void {
    const { sweep, ticker, start, onStart } = this.#options
    this.#startedMs = sweep.clock.monotonic()
    this.#transmit("connected", () => this.#frames.connected())
    this.#transmit("start", () => this.#frames.start(start))
    this.#leaveTicker = ticker.join(() => this.#tick())
    onStart()
  }

  /** Advances the stream to the present: audio is played, and the frames of the caller that are over are sent. */
  #tick(): void {
    if (this.#over || this.#startedMs === undefined) return
    const now = this.#now()
    this.#buffer.advance(now)
    while ((this.#framesPast + 1) * FRAME_BYTES <= now) this.#sendFrame()
  }

  #sendFrame(): void {
    this.#framesPast += 1
    const audio = this.#speech.length > 0 ? this.#nextSpeech() : SILENCE
    this.#options.recording?.said(audio)
    if (!this.#socket.live) return
    if (this.#socket.unsentBytes > MAX_UNSENT_BYTES) {
      return this.#problemOnce("31930: the server reads too slowly, audio of the caller is lost")
    }
    const payload = audio === SILENCE ? SILENCE_BASE64 : audio.toBase64()
    this.#socket.send(this.#frames.media(payload, this.#framesPast * FRAME_MS))
    this.#sent += 1
  }

  /** 20 ms of what the caller says; the last ones of it are filled up with silence. */
  #nextSpeech(): Uint8Array {
    const frame = SILENCE.slice()
    for (let filled = 0; filled < FRAME_BYTES;) {
      const speech = this.#speech[0]
      if (!speech) break
      const piece = speech.audio.subarray(speech.at, speech.at + FRAME_BYTES - filled)
      frame.set(piece, filled)
      filled += piece.length
      speech.at += piece.length
      if (speech.at < speech.audio.length) break
      this.#speech.shift()
      speech.said()
    }
    return frame
  }

  #receive(text: string): void {
    if (this.#over) return
    const parsed = parseServerFrame(text, this.streamSid)
    if ("fault" in parsed) {
      this.#record("server", { event: "invalid", text })
      return this.#options.problem(`a frame of the server cannot be read: it ${parsed.fault}`)
    }
    const { frame } = parsed
    const now = this.#now()
    switch (frame.event) {
      case "media": {
        const audio = Buffer.from(frame.media.payload, "base64")
        this.#received += 1
        this.#record("server", { event: "media", ms: audio.length / MULAW_BYTES_PER_MS })
        if (this.#buffer.append(audio, now)) return
        return this.#problemOnce("31931: more than ten minutes of audio wait, further audio is dropped")
      }
      case "mark":
        this.#record("server", { event: "mark", text: frame.mark.name })
        return this.#buffer.mark(frame.mark.name, now)
      case "clear":
        this.#record("server", { event: "clear" })
        return this.#buffer.clear(now)
      default:
        frame satisfies never
    }
  }

  /** Samples since the stream began, in its own time. */
  #now(): number {
    if (this.#startedMs === undefined) return 0
    const { sweep, speed } = this.#options
    return Math.floor((sweep.clock.monotonic() - this.#startedMs) * speed * MULAW_BYTES_PER_MS)
  }

  #transmit(event: StreamFrame["event"], write: () => string, text?: string): boolean {
    if (this.#over || !this.#socket.live) return false
    this.#record("twilio", { event, ...(text === undefined ? {} : { text }) })
    this.#socket.send(write())
    return true
  }

  #record(from: StreamFrame["from"], frame: Pick<StreamFrame, "event" | "text" | "ms">): void {
    this.#options.onFrame({
      at: this.#options.sweep.clock.now(),
      from,
      streamSid: this.streamSid,
      ...frame,
    })
  }

  #problemOnce(text: string): void {
    if (this.#reported.has(text)) return
    this.#reported.add(text)
    this.#options.problem(text)
  }

  #lost(opened: boolean): void {
    if (opened) this.#finish("server-closed")
    else this.#finish("failed", "31920: the WebSocket of the stream could not be opened")
  }

  #finish(reason: StreamEnd["reason"], problem?: string): void {
    if (this.#over) return
    this.#tick()
    if (reason === "hang-up") this.#transmit("stop", () => this.#frames.stop(this.#options.start))
    this.#over = true
    this.#leaveTicker()
    this.#buffer.discard(this.#now())
    this.#options.recording?.align()
    for (const { said } of this.#speech.splice(0)) said()
    const end: StreamEnd = {
      streamSid: this.streamSid,
      reason,
      seconds: Math.floor(this.nowMs / 1_000),
      sent: this.#sent,
      received: this.#received,
      heardMs: Math.floor(this.#heardBytes / MULAW_BYTES_PER_MS),
      ...(problem === undefined ? {} : { problem }),
    }
    log.background("media stream", this.#settle(end))
  }

  async #settle(end: StreamEnd): Promise<void> {
    await this.#socket.closed
    this.#end.resolve(end)
  }
}

function mulawOf(audio: Uint8Array): Uint8Array {
  if (!isWav(audio)) return audio
  const { sampleRateHz, samples } = readWav(audio)
  if (sampleRateHz === MULAW_RATE_HZ) return encodeMulaw(samples)
  return encodeMulaw(resample(samples, { fromHz: sampleRateHz, toHz: MULAW_RATE_HZ }))
}
