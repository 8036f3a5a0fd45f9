/** Decodes the items, responses and token counts inside the events of a Realtime server. */

import { z } from "zod"

export type RealtimeItem =
  | { type: "message"; id: string; role: "user" | "assistant" | "system"; text: string }
  | {
      type: "function-call"
      id: string
      callId: string
      name: string
      arguments: string
      status: string
    }
  | { type: "other"; id: string }

/**
 * Tokens; counts that the server left out are 0. Cached tokens are part of the input tokens. Where the server does not
 * report how many of them are audio, they count as audio first.
 */
export type TokenCount = {
  inputTokens: number
  inputTextTokens: number
  inputAudioTokens: number
  cachedTokens: number
  cachedAudioTokens: number
  outputTokens: number
  outputTextTokens: number
  outputAudioTokens: number
}

export type RealtimeResponse = {
  id: string
  /** `in_progress`, `completed`, `cancelled`, `incomplete` or `failed`. */
  status: string
  error: { code: string | null; message: string } | null
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

/** Some compatible servers send none with what is done. */
const finalStatus = text.transform((status) => status || "completed")

const Content = z.object({ text, transcript: text }).array().nullish()

/** Loose: the schema of each item type then reads its own fields. */
export const Item = z.looseObject({ id, type: z.string() }).transform((item, ctx): RealtimeItem => {
  const known = ITEMS.get(item.type)
  if (!known) return { type: "other", id: item.id }
  const parsed = known.safeParse(item)
  if (parsed.success) return parsed.data
  ctx.issues.push({ code: "custom", message: `${item.type} with missing or invalid fields`, input: item })
  return z.NEVER
})

const ITEMS = new Map<string, z.ZodType<RealtimeItem>>([
  [
    "message",
    z
      .object({
        id,
        role: z.enum(["user", "assistant", "system"]),
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
      .object({ id, call_id: text, name: text, arguments: text, status: finalStatus })
      .transform(({ call_id: callId, ...item }) => ({ ...item, type: "function-call" as const, callId })),
  ],
])

const Usage = z
  .object({
    input_tokens: count,
    output_tokens: count,
    input_token_details: z
      .object({
        text_tokens: count,
        audio_tokens: count,
        cached_tokens: count,
        cached_tokens_details: z.object({ audio_tokens: count }).nullish(),
      })
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
      cachedAudioTokens: Math.min(
        input?.cached_tokens ?? 0,
        (input?.cached_tokens_details ?? input)?.audio_tokens ?? 0,
      ),
      outputTokens: output_tokens,
      outputTextTokens: output?.text_tokens ?? 0,
      outputAudioTokens: output?.audio_tokens ?? 0,
    }),
  )

export const Failure = z.object({ code: nullableText, message: text })

export const Response = z
  .object({
    id,
    status: finalStatus,
    status_details: z.object({ error: Failure.nullish() }).nullish(),
    metadata: z.record(z.string(), z.string()).nullish().catch(null),
    usage: Usage.nullish().catch(null),
  })
  .transform(({ id, status, status_details: details, metadata, usage }): RealtimeResponse => ({
    id,
    status,
    error: details?.error ? { code: details.error.code, message: details.error.message } : null,
    metadata: metadata ?? {},
    usage: usage ?? null,
  }))
