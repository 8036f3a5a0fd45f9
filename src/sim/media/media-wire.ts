/**
 * The frames of a Media Streams socket as Twilio sends and checks them. Written independently on purpose: it shares
 * nothing with the server's codec, so that each reveals mistakes of the other.
 * Source: Twilio "Media Streams: WebSocket messages".
 */

import { z } from "zod"

const ServerFrame = z.discriminatedUnion("event", [
  z.object({
    event: z.literal("media"),
    streamSid: z.string(),
    media: z.object({
      payload: z
        .string()
        .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, "is not base64"),
    }),
  }),
  z.object({
    event: z.literal("mark"),
    streamSid: z.string(),
    mark: z.object({ name: z.string().min(1) }),
  }),
  z.object({ event: z.literal("clear"), streamSid: z.string() }),
])
type ServerFrame = z.infer<typeof ServerFrame>

/** One frame of a stream for the reader of a call. The caller's audio is counted, not kept. */
export type StreamFrame = {
  /** Milliseconds since the epoch. */
  at: number
  from: "twilio" | "server"
  streamSid: string
  event: "connected" | "start" | "media" | "mark" | "clear" | "dtmf" | "stop" | "raw" | "invalid"
  /** Name of a mark, the key of a `dtmf`, the text of a frame that was sent raw or cannot be read. */
  text?: string
  /** Length of the audio in a `media` of the server, in milliseconds. */
  ms?: number
}

/** A frame of the server, or why Twilio would not take it. */
export function parseServerFrame(
  text: string,
  streamSid: string,
): { frame: ServerFrame } | { fault: string } {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { fault: "is not JSON" }
  }
  const parsed = ServerFrame.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return { fault: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is wrong"}` }
  }
  return parsed.data.streamSid === streamSid ? { frame: parsed.data } : { fault: "is for another stream" }
}

export type StreamStart = {
  accountSid: string
  callSid: string
  customParameters: Record<string, string>
}

/** Writes Twilio's frames of one stream, and counts them as Twilio does: numbers are strings. */
export class TwilioFrames {
  readonly #streamSid: string
  #sequence = 0
  #chunk = 0

  constructor(streamSid: string) {
    this.#streamSid = streamSid
  }

  connected(): string {
    return JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" })
  }

  start({ accountSid, callSid, customParameters }: StreamStart): string {
    const streamSid = this.#streamSid
    return JSON.stringify({
      event: "start",
      sequenceNumber: this.#next(),
      streamSid,
      start: {
        streamSid,
        accountSid,
        callSid,
        tracks: ["inbound"],
        customParameters,
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8_000, channels: 1 },
      },
    })
  }

  /** `timestampMs` counts from the start of the stream. Written by hand: there are fifty a second in each call. */
  media(payload: string, timestampMs: number): string {
    this.#chunk += 1
    return `{"event":"media","sequenceNumber":"${this.#next()}","streamSid":"${this.#streamSid}","media":{"track":"inbound","chunk":"${this.#chunk}","timestamp":"${timestampMs}","payload":"${payload}"}}`
  }

  dtmf(digit: string): string {
    const [streamSid, sequenceNumber] = [this.#streamSid, this.#next()]
    return JSON.stringify({
      event: "dtmf",
      streamSid,
      sequenceNumber,
      dtmf: { track: "inbound_track", digit },
    })
  }

  mark(name: string): string {
    const [streamSid, sequenceNumber] = [this.#streamSid, this.#next()]
    return JSON.stringify({ event: "mark", sequenceNumber, streamSid, mark: { name } })
  }

  stop({ accountSid, callSid }: StreamStart): string {
    const [streamSid, sequenceNumber] = [this.#streamSid, this.#next()]
    return JSON.stringify({ event: "stop", sequenceNumber, streamSid, stop: { accountSid, callSid } })
  }

  #next(): string {
    this.#sequence += 1
    return String(this.#sequence)
  }
}
