/** Items, responses and token counts as they stand inside the events of a Realtime server, in our words. */

import { z } from "zod"

export type RealtimeItem =
  | {
      type: "message"
      id: string
      role: "user" | "assistant" | "system"
      status: string | null
      text: string
    }
  | {
      type: "function-call"
      id: string
      callId: string
      name: string
      arguments: string
      status: string | null
    }
  | { type: "function-call-output"; id: string; callId: string; output: string }
  | { type: "other"; id: string; name: string }

/** Tokens; what the server did not tell is 0. Cached tokens are part of the input. */
export type TokenCount = {
  inputTokens: number
  inputTextTokens: number
  inputAudioTokens: number
  cachedTokens: number
  outputTokens: number
  outputTextTokens: number
  outputAudioTokens: number
}

export type RealtimeResponse = {
  id: string
  /** `in_progress`, `completed`, `cancelled`, `incomplete`, `failed`; kept as it comes. */
  status: string
  /** Why it was cancelled or is incomplete: `turn_detected`, `client_cancelled`, `max_output_tokens`, … */
  reason: string | null
  error: { code: string | null; message: string } | null
  /** False: it runs beside the dialogue. */
  inConversation: boolean
  metadata: Readonly<Record<string, string>>
  usage: TokenCount | null
}

export const id = z.string().min(1)
export const nullableText = z
  .string()
  .nullish()
  .transform((value) => value ?? null)
export const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "")
export const count = z
  .number()
  .nullish()
  .transform((value) => value ?? 0)

const Content = z.object({ text, transcript: text }).array().nullish()

/** Loose, since each kind reads its own fields from what this one lets through. */
export const Item = z.looseObject({ id, type: z.string() }).transform((item, ctx): RealtimeItem => {
  const known = ITEMS.get(item.type)
  if (!known) return { type: "other", id: item.id, name: item.type }
  const parsed = known.safeParse(item)
  if (parsed.success) return parsed.data
  ctx.issues.push({ code: "custom", message: `a ${item.type} without its fields`, input: item })
  return z.NEVER
})

const ITEMS = new Map<string, z.ZodType<RealtimeItem>>([
  [
    "message",
    z
      .object({
        id,
        role: z.enum(["user", "assistant", "system"]),
        status: nullableText,
        content: Content,
      })
      .transform(({ content, ...item }) => ({
        ...item,
        type: "message" as const,
        text: (content ?? []).map((part) => part.text || part.transcript).join(""),
      })),
  ],
  [
    "function_call",
    z
      .object({ id, call_id: text, name: text, arguments: text, status: nullableText })
      .transform(({ call_id: callId, ...item }) => ({ ...item, type: "function-call" as const, callId })),
  ],
  [
    "function_call_output",
    z.object({ id, call_id: text, output: text }).transform(({ call_id: callId, ...item }) => ({
      ...item,
      type: "function-call-output" as const,
      callId,
    })),
  ],
])

const Usage = z
  .object({
    input_tokens: count,
    output_tokens: count,
    input_token_details: z
      .object({ text_tokens: count, audio_tokens: count, cached_tokens: count })
      .nullish(),
    output_token_details: z.object({ text_tokens: count, audio_tokens: count }).nullish(),
  })
  .transform(
    ({
      input_tokens,
      output_tokens,
      input_token_details: input,
      output_token_details: output,
    }): TokenCount => ({
      inputTokens: input_tokens,
      inputTextTokens: input?.text_tokens ?? 0,
      inputAudioTokens: input?.audio_tokens ?? 0,
      cachedTokens: input?.cached_tokens ?? 0,
      outputTokens: output_tokens,
      outputTextTokens: output?.text_tokens ?? 0,
      outputAudioTokens: output?.audio_tokens ?? 0,
    }),
  )

export const Failure = z.object({ code: nullableText, message: text })

export const Response = z
  .object({
    id,
    status: text,
    status_details: z.object({ reason: nullableText, error: Failure.nullish() }).nullish(),
    conversation_id: z.string().nullish(),
    metadata: z.record(z.string(), z.string()).nullish().catch(null),
    usage: Usage.nullish().catch(null),
  })
  .transform(
    ({ id, status, status_details: details, conversation_id, metadata, usage }): RealtimeResponse => ({
      id,
      status,
      reason: details?.reason ?? null,
      error: details?.error ? { code: details.error.code, message: details.error.message } : null,
      // Null says out of band; a server that leaves the field out has no such responses.
      inConversation: conversation_id !== null,
      metadata: metadata ?? {},
      usage: usage ?? null,
    }),
  )
