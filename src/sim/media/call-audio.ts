/** The audio of a simulated call: its media streams, one after another, with their callbacks, and the recording of them. */

import type { CallSid } from "../../call/ids.ts"
import { getLog } from "../../lib/log.ts"
import type { TwimlVerb } from "../twiml-reader.ts"
import type { CallLink } from "../call-options.ts"
import { CallRecording } from "./call-recording.ts"
import { AwaitableLog } from "../awaitable-log.ts"
import { MediaLeg, type StreamEnd } from "./media-leg.ts"
import type { StreamFrame } from "./media-wire.ts"
import type { HeardAudio } from "./playback-buffer.ts"
import { newSid } from "../sids.ts"

export type CallAudioOptions = {
  link: CallLink
  callSid: CallSid
  /** Where a stereo WAV of the call is written: the caller left, the agent right. */
  recordTo?: string | undefined
  /** Sends a status callback, whose response is ignored. */
  send: (url: string, method: "GET" | "POST", form: Record<string, string>) => Promise<void>
  problem: (text: string) => void
}

const log = getLog("sim")

/** Name and value together. (Twilio: "TwiML Voice: <Stream>".) */
const MAX_PARAMETER_LENGTH = 499

export class CallAudio {
  /** Everything on the media sockets except the caller's audio. */
  readonly frames: AwaitableLog<StreamFrame>
  /** What the caller heard of the server's audio, piece by piece. */
  readonly heard: AwaitableLog<HeardAudio>
  readonly #options: CallAudioOptions
  #recording: CallRecording | undefined
  #callbacks = Promise.resolve()

  constructor(options: CallAudioOptions) {
    this.#options = options
    this.frames = new AwaitableLog("the media frames of the call", options.link.keep)
    this.heard = new AwaitableLog("the audio of the call", options.link.keep)
  }

  /** Opens the stream that a `<Stream>` asks for, or returns why it failed before the connection. */
  open({ attributes, children }: TwimlVerb, base: string): MediaLeg | StreamEnd {
    const { link, callSid, recordTo, problem } = this.#options
    const { sweep, ticker, mediaSpeed: speed, webhooks, accountSid } = link
    const streamSid = newSid("MZ")
    const failed = (problem: string): StreamEnd => {
      return { streamSid, reason: "failed", seconds: 0, sent: 0, received: 0, heardMs: 0, problem }
    }
    const track = attributes["track"] ?? "inbound_track"
    if (track !== "inbound_track") return failed(`31941: <Connect><Stream> has no track ${track}`)
    const { url = "" } = attributes
    // A query string never arrives.
    const target = webhooks.socketTo(url.replace(/[?#].*$/s, ""))
    if (!target) return failed(`31920: the stream cannot be opened at ${url || "no address"}`)
    const parameters = children.filter(({ name }) => name === "Parameter").map((child) => child.attributes)
    for (const { name = "", value = "" } of parameters) {
      if (name.length + value.length <= MAX_PARAMETER_LENGTH) continue
      problem(`the parameter ${name} of <Stream> has 500 characters or more`)
    }
    if (recordTo !== undefined) this.#recording ??= new CallRecording(recordTo)
    const report = (event: string, error?: string) =>
      this.#report(attributes, base, {
        AccountSid: accountSid,
        CallSid: callSid,
        StreamSid: streamSid,
        StreamName: attributes["name"] ?? streamSid,
        StreamEvent: event,
        ...(error === undefined ? {} : { StreamError: error }),
        Timestamp: new Date(sweep.clock.now()).toISOString(),
      })
    const leg = new MediaLeg({
      ...target,
      sweep,
      ticker,
      speed,
      streamSid,
      start: {
        accountSid,
        callSid,
        customParameters: Object.fromEntries(parameters.map(({ name = "", value = "" }) => [name, value])),
      },
      recording: this.#recording,
      onStart: () => report("stream-started"),
      onFrame: (frame) => this.frames.push(frame),
      onHeard: (heard) => this.heard.push(heard),
      problem,
    })
    log.background("end of a media stream", this.#reportEnd(leg, report))
    return leg
  }

  /** Closes the recording. Resolves when every callback was answered; never rejects. */
  async close(): Promise<void> {
    this.#recording?.close()
    await this.#callbacks
  }

  async #reportEnd(leg: MediaLeg, report: (event: string, error?: string) => void): Promise<void> {
    const { problem } = await leg.ended
    report(problem === undefined ? "stream-stopped" : "stream-error", problem)
  }

  /** One after another, in the order in which they happened. */
  #report(attributes: Record<string, string>, base: string, form: Record<string, string>): void {
    const { statusCallback, statusCallbackMethod } = attributes
    if (statusCallback === undefined) return
    const { link, send } = this.#options
    const method = statusCallbackMethod?.toUpperCase() === "GET" ? "GET" : "POST"
    const url = link.webhooks.resolve(statusCallback, base)
    this.#callbacks = this.#callbacks.then(() => send(url, method, form))
  }
}
