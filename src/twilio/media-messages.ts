/**
 * Codec of the frames on a Media Streams socket, both ways. Media is read without building an object of it.
 * (Twilio: "Media Streams: WebSocket messages".)
 */

import { z } from "zod"
import { CallSid } from "../call/ids.ts"
import { frameReader } from "./frame-reader.ts"

/** The second frame of a stream, and the first that identifies the call. */
export type MediaStart = {
  type: "start"
  streamSid: string
  accountSid: string
  callSid: CallSid
  tracks: string[]
  /** What the TwiML gave as `<Parameter>`. */
  customParameters: Record<string, string>
  /** mu-law at 8,000 Hz in one channel, for every stream that is documented. */
  format: { encoding: string; sampleRateHz: number; channels: number }
}

export type MediaInbound =
  | { type: "connected"; protocol: string; version: string }
  | MediaStart
  /** A chunk of audio in base64, usually 20 ms. `timestampMs` counts from the start of the stream. */
  | { type: "media"; track: "inbound" | "outbound"; payload: string; timestampMs: number | null }
  /** One key: `0`–`9`, `*`, `#` or `A`–`D`. */
  | { type: "dtmf"; digit: string }
  /** All that was sent before the mark was played, or cleared: the frame does not say which. */
  | { type: "mark"; name: string }
  /** The stream is over or the call is. The socket may also close without it. */
  | { type: "stop" }
  /** An event that this program does not know; `name` is the event, at most 64 characters. */
  | { type: "unknown"; name: string }

/**
 * The whole of a media frame as Twilio writes it. One anchored pattern costs less than a parse, and nothing but that very
 * layout passes it: what differs is left to `parseMediaFrame`.
 */
const INBOUND_MEDIA =
  /^\{"event":"media","sequenceNumber":"\d{1,15}","streamSid":"\w{1,64}","media":\{"track":"inbound","chunk":"\d{1,15}","timestamp":"\d{1,15}","payload":"([A-Za-z0-9+/]+={0,2})"\}\}$/

/** The whole of a mark's echo as Twilio writes it, read in the same way: there is one for each chunk of the agent's audio. */
const INBOUND_MARK =
  /^\{"event":"mark","sequenceNumber":"\d{1,15}","streamSid":"\w{1,64}","mark":\{"name":"([\w-]{1,64})"\}\}$/

/**
 * The payload of a frame that clearly is the caller's audio, cut out of the text. Undefined for every other frame, media in
 * another layout included: those go to `parseMediaFrame`.
 */
export function sliceInboundMedia(text: string): string | undefined {
  return INBOUND_MEDIA.exec(text)?.[1]
}

/** The name in a frame that is plainly the echo of a mark. Undefined for every other frame: those go to `parseMediaFrame`. */
export function sliceInboundMark(text: string): string | undefined {
  return INBOUND_MARK.exec(text)?.[1]
}

/** Twilio writes its counters as strings. */
const counter = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
  ])
  .nullable()
  .catch(null)
const customParameters = z
  .record(z.string(), z.unknown())
  .transform((given) =>
    Object.fromEntries(
      Object.entries(given).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    ),
  )
  .catch({})
const streamSid = z.string().regex(/^\w{1,64}$/, "must be a SID")

const INBOUND: Record<string, z.ZodType<MediaInbound>> = {
  connected: z
    .object({ protocol: z.string().catch(""), version: z.string().catch("") })
    .transform(({ protocol, version }) => ({ type: "connected" as const, protocol, version })),
  start: z
    .object({
      start: z.object({
        streamSid,
        accountSid: z.string().catch(""),
        callSid: CallSid,
        tracks: z.array(z.string()).catch([]),
        customParameters,
        mediaFormat: z
          .object({ encoding: z.string(), sampleRate: z.coerce.number(), channels: z.coerce.number() })
          .catch({ encoding: "audio/x-mulaw", sampleRate: 8_000, channels: 1 }),
      }),
    })
    .transform(({ start: { mediaFormat, ...start } }) => ({
      type: "start" as const,
      ...start,
      format: {
        encoding: mediaFormat.encoding,
        sampleRateHz: mediaFormat.sampleRate,
        channels: mediaFormat.channels,
      },
    })),
  media: z
    .object({
      media: z.object({
        track: z.enum(["inbound", "outbound"]),
        timestamp: counter.default(null),
        payload: z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/, "must hold base64"),
      }),
    })
    .transform(({ media: { track, payload, timestamp } }) => ({
      type: "media" as const,
      track,
      payload,
      timestampMs: timestamp,
    })),
  dtmf: z
    .object({ dtmf: z.object({ digit: z.string().regex(/^[0-9A-D*#]$/, "must hold one key") }) })
    .transform(({ dtmf: { digit } }) => ({ type: "dtmf" as const, digit })),
  mark: z
    .object({ mark: z.object({ name: z.string() }) })
    .transform(({ mark: { name } }) => ({ type: "mark" as const, name })),
  stop: z.object({}).transform(() => ({ type: "stop" as const })),
}

/** Reads one frame from Twilio. Never throws, and `reason` holds no part of the text. */
export const parseMediaFrame = frameReader<MediaInbound>({
  kindIn: "event",
  kinds: INBOUND,
  faultsOf: ({ issues: [issue] }) => {
    // Only names of the protocol: deeper ones may come from the other side.
    const place = issue?.path.slice(0, 2).map(String).join(".") ?? ""
    return `${place} ${issue?.message ?? ""}`.trim()
  },
})

/** Writes the frames of one stream. */
export class MediaEncoder {
  /** Empties Twilio's buffer: what was not played is never heard. Every mark that waits comes back at once. */
  readonly clear: string
  readonly #media: string
  readonly #mark: string

  constructor(streamSid: string) {
    const head = `","streamSid":${JSON.stringify(streamSid)}`
    this.clear = `{"event":"clear${head}}`
    this.#media = `{"event":"media${head},"media":{"payload":"`
    this.#mark = `{"event":"mark${head},"mark":{"name":`
  }

  /** Audio to play: mu-law at 8 kHz in base64, of any length, without a header. Not checked. */
  media(payload: string): string {
    return `${this.#media}${payload}"}}`
  }

  /** Asks for an echo when everything before it was played. */
  mark(name: string): string {
    return `${this.#mark}${JSON.stringify(name)}}}`
  }
}
