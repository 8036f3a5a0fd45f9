/** One call of a media load: what the caller and the model of it send, and what of it came through. */

import { markAt, payloadOf } from "./media-payload.ts"
import { wallMs } from "./wall-clock.ts"

/** Of the time that is measured, in milliseconds. */
export type MediaLoadOptions = {
  /** Length of each piece of the model's audio; the caller's have 20 ms. */
  deltaMs: number
  /** From the session's settings to their confirmation: the caller's audio waits for so long. */
  settingsMs: number
  /** From one interruption in a call to the next. */
  interruptEveryMs: number
}

export type MediaSamples = { up: number[]; down: number[]; clear: number[]; interruptions: number }

export function newMediaSamples(): MediaSamples {
  return { up: [], down: [], clear: [], interruptions: 0 }
}

type MediaCallOptions = {
  index: number
  callSid: string
  options: MediaLoadOptions
  samples: () => MediaSamples
}

const FRAME_MS = 20
/** A model is so much ahead of what is heard; an interruption finds this audio waiting. */
const LEAD_MS = 400
const TRANSCRIPT_EVERY_MS = 400
/** From the caller's first audio to the end of the answer it cut off, and to the next answer. */
const CANCELLED_AFTER_MS = 100
const ANSWER_AFTER_MS = 400
/** An answer begins by itself where the first one is not requested. */
const FIRST_ANSWER_MS = 300
const PAYLOAD = '"payload":"'
const frame = payloadOf(FRAME_MS)

export class MediaCall {
  /** When the first audio of the model has come to the caller. Rejects when the socket closes before. */
  readonly speaking: Promise<void>
  upSent = 0
  upCame = 0
  downSent = 0
  downCame = 0
  /** Frames of the caller that were sent before the model's settings were confirmed. */
  sentEarly = 0
  /** Pieces of the caller that came in another order than they were sent. */
  disordered = 0
  closedEarly = 0
  readonly #options: MediaCallOptions
  readonly #streamSid: string
  readonly #delta: ReturnType<typeof payloadOf>
  readonly #speaking = Promise.withResolvers<void>()
  #socket: WebSocket | undefined
  #toModel: ((text: string) => void) | undefined
  #over = false
  #nextUp = Number.POSITIVE_INFINITY
  #nextDown = Number.POSITIVE_INFINITY
  #nextInterrupt = Number.POSITIVE_INFINITY
  #steps: { at: number; run: () => void }[] = []
  /** Marks that wait for the audio before them. */
  #marks: { at: number; name: string }[] = []
  #playedUntil = 0
  #interruptedAt: number | undefined
  #response = 0
  #untilTranscript = 0
  #metadata: unknown = null

  constructor(options: MediaCallOptions) {
    this.#options = options
    this.#streamSid = `MZ${options.callSid.slice(2)}`
    this.#delta = payloadOf(options.options.deltaMs)
    this.speaking = this.#speaking.promise
    // Who opens the calls looks at it only when all are open.
    this.speaking.catch(() => {})
  }

  /** Whether something that was sent has not come yet. */
  get isWaiting(): boolean {
    return this.upCame < this.upSent || this.downCame < this.downSent
  }

  /** Resolves when the caller's stream is open. */
  async open(url: string, headers: Record<string, string>): Promise<void> {
    const socket = new WebSocket(url, { headers, perMessageDeflate: false })
    this.#socket = socket
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve)
      socket.addEventListener("error", () => reject(new Error("the media socket was refused")))
    })
    socket.addEventListener("message", ({ data }) => this.#played(String(data), wallMs()))
    socket.addEventListener("close", ({ code, reason }) => {
      if (this.#over) return
      this.closedEarly += 1
      this.silence()
      this.#speaking.reject(new Error(`the media socket closed: ${code} ${reason}`))
    })
    const { callSid } = this.#options
    const streamSid = this.#streamSid
    socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    socket.send(
      JSON.stringify({
        event: "start",
        sequenceNumber: "1",
        streamSid,
        start: {
          streamSid,
          accountSid: callSid.replace("CA", "AC"),
          callSid,
          tracks: ["inbound"],
          customParameters: {},
          mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8_000, channels: 1 },
        },
      }),
    )
    // Calls do not run in step.
    this.#nextUp = wallMs() + Math.random() * FRAME_MS
  }

  /** Sends what is due. */
  advance(now: number): void {
    while (this.#nextUp <= now) {
      this.#nextUp += FRAME_MS
      this.#sendFrame()
    }
    for (let mark = this.#marks[0]; mark && mark.at <= now; mark = this.#marks[0]) {
      this.#marks.shift()
      this.#echo(mark.name)
    }
    for (let step = this.#steps[0]; step && step.at <= now; step = this.#steps[0]) {
      this.#steps.shift()
      step.run()
    }
    if (this.#nextInterrupt <= now) this.#interrupt(now)
    while (this.#nextDown <= now) this.#sendDelta()
  }

  /** The model's end of this call was found by the first audio that came there. */
  modelFound(send: (text: string) => void): void {
    this.#toModel = send
    this.sentEarly = this.upSent
    const now = wallMs()
    this.#steps.push({ at: now + FIRST_ANSWER_MS, run: () => this.#answer() })
    const { interruptEveryMs } = this.#options.options
    this.#nextInterrupt = now + FIRST_ANSWER_MS + (0.5 + Math.random()) * interruptEveryMs
  }

  /** Audio of the caller at the model. */
  heard(text: string, from: number, at: number): void {
    const mark = markAt(text, from, at)
    if (!mark) return
    if (mark.piece !== this.upCame) this.disordered += 1
    this.upCame += 1
    this.#options.samples().up.push(mark.latencyMs)
  }

  /** Any other event of the client at the model. */
  asked(text: string): void {
    const { type, item_id, audio_end_ms, content_index, response } = JSON.parse(text)
    if (type === "conversation.item.truncate") {
      this.#emit("conversation.item.truncated", { item_id, content_index, audio_end_ms })
    } else if (type === "response.create" && this.#nextDown === Number.POSITIVE_INFINITY) {
      this.#metadata = response?.metadata ?? null
      this.#steps = []
      this.#answer()
    }
  }

  /** Nothing more is sent. */
  silence(): void {
    this.#nextUp = this.#nextDown = this.#nextInterrupt = Number.POSITIVE_INFINITY
    this.#steps = []
    this.#marks = []
  }

  hangUp(): void {
    this.#over = true
    this.#socket?.close(1000, "")
  }

  #sendFrame(): void {
    const piece = this.upSent
    this.upSent += 1
    const payload = frame(wallMs(), this.#options.index, piece)
    const sid = this.#streamSid
    this.#socket?.send(
      `{"event":"media","sequenceNumber":"${piece + 2}","streamSid":"${sid}","media":{"track":"inbound","chunk":"${piece + 1}","timestamp":"${piece * FRAME_MS}","payload":"${payload}"}}`,
    )
  }

  #sendDelta(): void {
    const { deltaMs } = this.#options.options
    this.#nextDown += deltaMs
    const piece = this.downSent
    this.downSent += 1
    const payload = this.#delta(wallMs(), this.#options.index, piece)
    const id = this.#response
    this.#toModel?.(
      `{"type":"response.output_audio.delta","event_id":"event_${piece}","response_id":"resp_${id}","item_id":"item_${id}","output_index":0,"content_index":0,"delta":"${payload}"}`,
    )
    this.#untilTranscript -= deltaMs
    if (this.#untilTranscript > 0) return
    this.#untilTranscript += TRANSCRIPT_EVERY_MS
    this.#emit("response.output_audio_transcript.delta", { ...this.#part(), delta: " word" })
  }

  #answer(): void {
    this.#response += 1
    const { item_id } = this.#part()
    const item = { id: item_id, object: "realtime.item", type: "message", role: "assistant", content: [] }
    const added = { ...item, status: "in_progress" }
    this.#emit("response.created", { response: this.#responseObject("in_progress") })
    this.#emit("response.output_item.added", { ...this.#part(), item: added })
    this.#emit("conversation.item.added", { previous_item_id: null, item: added })
    const part = { type: "audio", transcript: "" }
    this.#emit("response.content_part.added", { ...this.#part(), part })
    this.#nextDown = wallMs() - LEAD_MS
  }

  #interrupt(now: number): void {
    this.#nextInterrupt = now + this.#options.options.interruptEveryMs
    if (this.#nextDown === Number.POSITIVE_INFINITY) return
    this.#nextDown = Number.POSITIVE_INFINITY
    this.#options.samples().interruptions += 1
    this.#interruptedAt = wallMs()
    const heardMs = this.upCame * FRAME_MS
    const item_id = `item_user_${this.#response}`
    this.#emit("input_audio_buffer.speech_started", { audio_start_ms: heardMs, item_id })
    const cancelled = () => {
      this.#emit("response.output_audio.done", this.#part())
      this.#emit("response.done", { response: this.#responseObject("cancelled") })
    }
    const stopped = () => {
      this.#emit("input_audio_buffer.speech_stopped", { audio_end_ms: heardMs + 300, item_id })
      this.#emit("input_audio_buffer.committed", { previous_item_id: null, item_id })
    }
    this.#metadata = null
    this.#steps.push(
      { at: now + CANCELLED_AFTER_MS, run: cancelled },
      { at: now + CANCELLED_AFTER_MS, run: stopped },
      { at: now + ANSWER_AFTER_MS, run: () => this.#answer() },
    )
  }

  /** A frame of the relay at the caller's side. */
  #played(text: string, at: number): void {
    if (text.startsWith('{"event":"media"')) {
      const mark = markAt(text, text.indexOf(PAYLOAD) + PAYLOAD.length, at)
      if (!mark) return
      this.downCame += 1
      this.#options.samples().down.push(mark.latencyMs)
      this.#playedUntil = Math.max(this.#playedUntil, at) + this.#options.options.deltaMs
      return this.#speaking.resolve()
    }
    const { event, mark } = JSON.parse(text)
    if (event === "mark") return void this.#marks.push({ at: this.#playedUntil, name: mark.name })
    if (event !== "clear") return
    if (this.#interruptedAt !== undefined) this.#options.samples().clear.push(at - this.#interruptedAt)
    this.#interruptedAt = undefined
    this.#playedUntil = 0
    for (const { name } of this.#marks.splice(0)) this.#echo(name)
  }

  #echo(name: string): void {
    this.#socket?.send(
      `{"event":"mark","sequenceNumber":"1","streamSid":"${this.#streamSid}","mark":{"name":"${name}"}}`,
    )
  }

  #emit(type: string, fields: object): void {
    this.#toModel?.(JSON.stringify({ type, event_id: "event_x", ...fields }))
  }

  #part() {
    const id = this.#response
    return { response_id: `resp_${id}`, item_id: `item_${id}`, output_index: 0, content_index: 0 }
  }

  #responseObject(status: string) {
    const { response_id, item_id } = this.#part()
    const content = [{ type: "output_audio", transcript: "word" }]
    const item = { id: item_id, object: "realtime.item", type: "message", role: "assistant", content }
    return {
      id: response_id,
      object: "realtime.response",
      status,
      status_details: status === "cancelled" ? { type: "cancelled", reason: "turn_detected" } : null,
      output: status === "in_progress" ? [] : [{ ...item, status: "incomplete" }],
      metadata: this.#metadata,
      usage: null,
    }
  }
}
