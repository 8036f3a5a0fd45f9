/**
 * The events that a Realtime server sends, in our words. Unknown types, unknown fields and missing fields that nobody
 * needs are no faults. Source: OpenAI "Realtime API reference: Server events".
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
  param: string | null
  /** The `event_id` of the client event at fault, when it had one. */
  eventId: string | null
}

export type SessionFacts = {
  sessionId: string | null
  /** Milliseconds since the epoch. */
  expiresAtMs: number | null
  inputFormat: string | null
  outputFormat: string | null
}

type Part = { responseId: string; itemId: string; contentIndex: number }

/** One arm of the union for each type, so that `Extract` finds it. */
type Each<T extends string, Fields> = T extends unknown ? { type: T } & Fields : never

export type RealtimeEvent =
  | AudioDelta
  | Each<"session-created" | "session-updated", SessionFacts>
  | Each<"item-added" | "item-done", { item: RealtimeItem; previousItemId: string | null | undefined }>
  | { type: "item-truncated"; itemId: string; contentIndex: number; audioEndMs: number }
  | { type: "item-deleted"; itemId: string }
  | { type: "caller-transcript-delta"; itemId: string; delta: string }
  | {
      type: "caller-transcript"
      itemId: string
      text: string
      languages: readonly string[]
      usage: TranscriptionUsage | null
    }
  | { type: "caller-transcript-failed"; itemId: string; code: string | null; message: string }
  /** Both times count from the start of the audio sent in this session. */
  | { type: "speech-started"; itemId: string; audioStartMs: number }
  | { type: "speech-stopped"; itemId: string; audioEndMs: number }
  | { type: "committed"; itemId: string; previousItemId: string | null | undefined }
  | Each<"response-created" | "response-done", { response: RealtimeResponse }>
  | Each<"output-item-added" | "output-item-done", { responseId: string; item: RealtimeItem }>
  | Each<"audio-done", Part>
  | Each<"transcript-delta" | "text-delta", Part & { delta: string }>
  | Each<"transcript-done" | "text-done", Part & { text: string }>
  | { type: "rate-limits"; limits: readonly { name: string; remaining: number; resetSeconds: number }[] }
  | { type: "error"; error: RealtimeError }
  /** Of a type that nothing here needs. */
  | { type: "ignored"; name: string }
  /** Not JSON, no object with a type, or a known type without its fields. */
  | { type: "malformed"; reason: string }

const Named = z.object({ type: z.string() })

/** One text frame. Never throws. */
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
        id: nullableText,
        expires_at: z.number().nullish(),
        audio: z.object({ input: Format, output: Format }).nullish(),
        input_audio_format: nullableText,
        output_audio_format: nullableText,
      }),
    })
    .transform(({ session: { id, expires_at, audio, ...beta } }) => ({
      type,
      sessionId: id,
      expiresAtMs: expires_at ? expires_at * 1000 : null,
      inputFormat: formatName(audio?.input, beta.input_audio_format),
      outputFormat: formatName(audio?.output, beta.output_audio_format),
    }))

/** Null: the first of the conversation. Undefined: not told. */
const previousId = z.string().nullish()

const itemEvent = <T extends "item-added" | "item-done">(type: T) =>
  z
    .object({ item: Item, previous_item_id: previousId })
    .transform(({ item, previous_item_id: previousItemId }) => ({ type, item, previousItemId }))

const outputItemEvent = <T extends "output-item-added" | "output-item-done">(type: T) =>
  z
    .object({ response_id: id, item: Item })
    .transform(({ response_id: responseId, item }) => ({ type, responseId, item }))

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
  [
    "conversation.item.truncated",
    z.object({ item_id: id, content_index: count, audio_end_ms: count }).transform((event) => ({
      type: "item-truncated" as const,
      itemId: event.item_id,
      contentIndex: event.content_index,
      audioEndMs: event.audio_end_ms,
    })),
  ],
  [
    "conversation.item.deleted",
    z
      .object({ item_id: id })
      .transform(({ item_id }) => ({ type: "item-deleted" as const, itemId: item_id })),
  ],
  [
    "conversation.item.input_audio_transcription.delta",
    z.object({ item_id: id, delta: text }).transform(({ item_id, delta }) => ({
      type: "caller-transcript-delta" as const,
      itemId: item_id,
      delta,
    })),
  ],
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
      message: error?.message ?? "",
    })),
  ],
  [
    "input_audio_buffer.speech_started",
    z.object({ item_id: id, audio_start_ms: count }).transform((event) => ({
      type: "speech-started" as const,
      itemId: event.item_id,
      audioStartMs: event.audio_start_ms,
    })),
  ],
  [
    "input_audio_buffer.speech_stopped",
    z.object({ item_id: id, audio_end_ms: count }).transform((event) => ({
      type: "speech-stopped" as const,
      itemId: event.item_id,
      audioEndMs: event.audio_end_ms,
    })),
  ],
  [
    "input_audio_buffer.committed",
    z.object({ item_id: id, previous_item_id: previousId }).transform((event) => ({
      type: "committed" as const,
      itemId: event.item_id,
      previousItemId: event.previous_item_id,
    })),
  ],
  ["response.created", responseEvent("response-created")],
  ["response.done", responseEvent("response-done")],
  ["response.output_item.added", outputItemEvent("output-item-added")],
  ["response.output_item.done", outputItemEvent("output-item-done")],
  [
    "response.output_audio.delta",
    z
      .object({ ...part, delta: z.base64() })
      .transform((event) => ({ type: "audio" as const, payload: event.delta, ...partOf(event) })),
  ],
  [
    "response.output_audio.done",
    z.object(part).transform((event) => ({ type: "audio-done" as const, ...partOf(event) })),
  ],
  ["response.output_audio_transcript.delta", deltaEvent("transcript-delta")],
  [
    "response.output_audio_transcript.done",
    z
      .object({ ...part, transcript: text })
      .transform((event) => ({ type: "transcript-done" as const, text: event.transcript, ...partOf(event) })),
  ],
  ["response.output_text.delta", deltaEvent("text-delta")],
  [
    "response.output_text.done",
    z
      .object({ ...part, text })
      .transform((event) => ({ type: "text-done" as const, text: event.text, ...partOf(event) })),
  ],
  [
    "rate_limits.updated",
    z
      .object({
        rate_limits: z.array(z.object({ name: text, remaining: count, reset_seconds: count })),
      })
      .transform(({ rate_limits }) => ({
        type: "rate-limits" as const,
        limits: rate_limits.map(({ name, remaining, reset_seconds: resetSeconds }) => ({
          name,
          remaining,
          resetSeconds,
        })),
      })),
  ],
  [
    "error",
    z
      .object({
        error: z.object({
          type: text,
          code: nullableText,
          message: text,
          param: nullableText,
          event_id: nullableText,
        }),
      })
      .transform(({ error: { type, code, message, param, event_id } }) => ({
        type: "error" as const,
        error: { kind: type, code, message, param, eventId: event_id },
      })),
  ],
])

/** Languages come as codes or as objects that carry one. */
function codesOf(languages: unknown): string[] {
  const list = z.array(z.union([z.string(), z.object({ code: z.string() })])).safeParse(languages)
  return (list.data ?? []).map((language) => (typeof language === "string" ? language : language.code))
}
