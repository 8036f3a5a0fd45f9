/**
 * Decodes the events of a Realtime server into the program's own types. Event types and fields that the program does not
 * use are ignored. Source: OpenAI "Realtime API reference: Server events".
 */

import { z } from "zod"
import { sliceDelta, type AudioDelta } from "./delta-fast-path.ts"
import {
  count,
  Failure,
  id,
  Item,
  nullableText,
  Response,
  text,
  type RealtimeItem,
  type RealtimeResponse,
} from "./objects.ts"

export type TranscriptionUsage = { tokens: number; seconds: number }

export type RealtimeError = {
  kind: string
  code: string | null
  message: string
  /** The `event_id` of the client event that caused the error; null when that event had none. */
  eventId: string | null
}

export type SessionFacts = {
  /** Milliseconds since the epoch. */
  expiresAtMs: number | null
  inputFormat: string | null
  outputFormat: string | null
}

type Part = { responseId: string; itemId: string; contentIndex: number }

/** One member of the union per type, so that `Extract` finds it. */
type Each<T extends string, Fields> = T extends unknown ? { type: T } & Fields : never

export type RealtimeEvent =
  | AudioDelta
  | Each<"session-created" | "session-updated", SessionFacts>
  | Each<"item-added" | "item-done", { item: RealtimeItem }>
  | { type: "item-deleted"; itemId: string }
  | {
      type: "caller-transcript"
      itemId: string
      text: string
      languages: readonly string[]
      usage: TranscriptionUsage | null
    }
  | { type: "caller-transcript-failed"; itemId: string; code: string | null }
  | Each<"speech-started" | "speech-stopped" | "committed", { itemId: string }>
  | Each<"response-created" | "response-done", { response: RealtimeResponse }>
  | { type: "output-item-done"; responseId: string; item: RealtimeItem }
  | Each<"transcript-delta" | "text-delta", Part & { delta: string }>
  | { type: "error"; error: RealtimeError }
  /** An event type that the program does not use. */
  | { type: "ignored"; name: string }
  /** Not JSON, not an object with a type, or a known type with a missing or invalid field. */
  | { type: "malformed"; reason: string }

const Named = z.object({ type: z.string() })

/** Decodes one text frame. Never throws. */
export function parseRealtimeEvent(text: string): RealtimeEvent {
  const delta = sliceDelta(text)
  if (delta) return delta
  const json = parseJson(text)
  const named = Named.safeParse(json)
  if (!named.success) return { type: "malformed", reason: "not an event" }
  const name = named.data.type
  const schema = SCHEMAS.get(name)
  if (!schema) return { type: "ignored", name: name.slice(0, 100) }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  return { type: "malformed", reason: `${name}: ${issue?.path.join(".")}: ${issue?.message}`.slice(0, 300) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const Format = z.object({ format: z.union([z.string(), z.object({ type: z.string() })]).nullish() }).nullish()

/** Names of the removed beta protocol, which servers of other vendors still use. (OpenAI: "Realtime API overview".) */
const BETA_FORMATS: Readonly<Record<string, string>> = {
  g711_ulaw: "audio/pcmu",
  g711_alaw: "audio/pcma",
  pcm16: "audio/pcm",
}

function formatName(side: z.infer<typeof Format>, beta: string | null | undefined): string | null {
  const format = side?.format ?? beta ?? null
  const name = typeof format === "object" ? (format?.type ?? null) : format
  return name === null ? null : (BETA_FORMATS[name] ?? name)
}

const sessionEvent = <T extends "session-created" | "session-updated">(type: T) =>
  z
    .object({
      session: z.object({
        expires_at: z.number().nullish(),
        audio: z.object({ input: Format, output: Format }).nullish(),
        input_audio_format: nullableText,
        output_audio_format: nullableText,
      }),
    })
    .transform(({ session: { expires_at, audio, ...beta } }) => ({
      type,
      expiresAtMs: expires_at ? expires_at * 1000 : null,
      inputFormat: formatName(audio?.input, beta.input_audio_format),
      outputFormat: formatName(audio?.output, beta.output_audio_format),
    }))

const itemEvent = <T extends "item-added" | "item-done">(type: T) =>
  z.object({ item: Item }).transform(({ item }) => ({ type, item }))

const itemIdEvent = <T extends "item-deleted" | "speech-started" | "speech-stopped" | "committed">(type: T) =>
  z.object({ item_id: id }).transform(({ item_id: itemId }) => ({ type, itemId }))

const responseEvent = <T extends "response-created" | "response-done">(type: T) =>
  z.object({ response: Response }).transform(({ response }) => ({ type, response }))

const part = { response_id: id, item_id: id, content_index: count }
const partOf = (event: { response_id: string; item_id: string; content_index: number }): Part => ({
  responseId: event.response_id,
  itemId: event.item_id,
  contentIndex: event.content_index,
})

const deltaEvent = <T extends "transcript-delta" | "text-delta">(type: T) =>
  z
    .object({ ...part, delta: z.string() })
    .transform((event) => ({ type, delta: event.delta, ...partOf(event) }))

const SCHEMAS = new Map<string, z.ZodType<RealtimeEvent>>([
  ["session.created", sessionEvent("session-created")],
  ["session.updated", sessionEvent("session-updated")],
  ["conversation.item.added", itemEvent("item-added")],
  ["conversation.item.done", itemEvent("item-done")],
  ["conversation.item.deleted", itemIdEvent("item-deleted")],
  [
    "conversation.item.input_audio_transcription.completed",
    z
      .object({
        item_id: id,
        transcript: z.string(),
        languages: z.unknown().optional(),
        usage: z.object({ total_tokens: count, seconds: count }).nullish().catch(null),
      })
      .transform(({ item_id, transcript, languages, usage }) => ({
        type: "caller-transcript" as const,
        itemId: item_id,
        text: transcript,
        languages: codesOf(languages),
        usage: usage ? { tokens: usage.total_tokens, seconds: usage.seconds } : null,
      })),
  ],
  [
    "conversation.item.input_audio_transcription.failed",
    z.object({ item_id: id, error: Failure.nullish() }).transform(({ item_id, error }) => ({
      type: "caller-transcript-failed" as const,
      itemId: item_id,
      code: error?.code ?? null,
    })),
  ],
  ["input_audio_buffer.speech_started", itemIdEvent("speech-started")],
  ["input_audio_buffer.speech_stopped", itemIdEvent("speech-stopped")],
  ["input_audio_buffer.committed", itemIdEvent("committed")],
  ["response.created", responseEvent("response-created")],
  ["response.done", responseEvent("response-done")],
  [
    "response.output_item.done",
    z.object({ response_id: id, item: Item }).transform(({ response_id: responseId, item }) => ({
      type: "output-item-done" as const,
      responseId,
      item,
    })),
  ],
  [
    "response.output_audio.delta",
    z
      .object({ ...part, delta: z.base64() })
      .transform((event) => ({ type: "audio" as const, payload: event.delta, ...partOf(event) })),
  ],
  ["response.output_audio_transcript.delta", deltaEvent("transcript-delta")],
  ["response.output_text.delta", deltaEvent("text-delta")],
  [
    "error",
    z
      .object({
        error: z.object({
          type: text,
          code: nullableText,
          message: text,
          event_id: nullableText,
        }),
      })
      .transform(({ error: { type, code, message, event_id } }) => ({
        type: "error" as const,
        error: { kind: type, code, message, eventId: event_id },
      })),
  ],
])

/** Languages arrive as codes or as objects with a code. */
function codesOf(languages: unknown): string[] {
  const list = z.array(z.union([z.string(), z.object({ code: z.string() })])).safeParse(languages)
  return (list.data ?? []).map((language) => (typeof language === "string" ? language : language.code))
}
