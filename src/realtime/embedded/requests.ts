/**
 * Parses the events that clients send to the embedded Realtime server, and rejects what OpenAI's server rejects.
 * Shares nothing with the encoder in `protocol/`, so that tests of the two against each other find mistakes in either.
 * Source: OpenAI "Realtime API reference: Client events"; errors: its "error" event.
 */

import { z } from "zod"

const format = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("audio/pcm"), rate: z.literal(24_000).optional() }),
  z.strictObject({ type: z.literal("audio/pcmu") }),
  z.strictObject({ type: z.literal("audio/pcma") }),
])

const turns = { create_response: z.boolean().optional(), interrupt_response: z.boolean().optional() }
const turnDetection = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("server_vad"),
    threshold: z.number().min(0).max(1).optional(),
    prefix_padding_ms: z.int().min(0).optional(),
    silence_duration_ms: z.int().min(0).optional(),
    idle_timeout_ms: z.int().min(5_000).max(30_000).nullish(),
    ...turns,
  }),
  z.strictObject({
    type: z.literal("semantic_vad"),
    eagerness: z.enum(["auto", "low", "medium", "high"]).optional(),
    ...turns,
  }),
])

const tool = z.looseObject({ type: z.string(), name: z.string().optional() })

const session = z.strictObject({
  type: z.literal("realtime"),
  model: z.string().optional(),
  output_modalities: z
    .array(z.enum(["audio", "text"]))
    .length(1)
    .optional(),
  instructions: z.string().optional(),
  audio: z
    .strictObject({
      input: z
        .strictObject({
          format: format.optional(),
          noise_reduction: z.looseObject({ type: z.enum(["near_field", "far_field"]) }).nullish(),
          transcription: z.looseObject({ model: z.string() }).nullish(),
          turn_detection: turnDetection.nullish(),
        })
        .optional(),
      output: z
        .strictObject({
          format: format.optional(),
          voice: z.union([z.string(), z.strictObject({ id: z.string() })]).optional(),
          speed: z.number().min(0.25).max(1.5).optional(),
        })
        .optional(),
    })
    .optional(),
  tools: z.array(tool).optional(),
  tool_choice: z.unknown().optional(),
  parallel_tool_calls: z.boolean().optional(),
  reasoning: z.looseObject({}).nullish(),
  max_output_tokens: z.union([z.int().min(1).max(4096), z.literal("inf")]).optional(),
  truncation: z.unknown().optional(),
  tracing: z.unknown().optional(),
  include: z.array(z.string()).nullish(),
})
export type EmbeddedSession = z.output<typeof session>

const item = z.discriminatedUnion("type", [
  z.looseObject({
    id: z.string().optional(),
    type: z.literal("message"),
    role: z.enum(["user", "assistant", "system"]),
    content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
  }),
  z.looseObject({
    id: z.string().optional(),
    type: z.literal("function_call"),
    name: z.string(),
    call_id: z.string().optional(),
    arguments: z.string(),
  }),
  z.looseObject({
    id: z.string().optional(),
    type: z.literal("function_call_output"),
    call_id: z.string(),
    output: z.string(),
  }),
])
export type CreatedItem = z.output<typeof item>

const base = { event_id: z.string().max(512).optional() }

const Request = z.discriminatedUnion("type", [
  z.strictObject({ ...base, type: z.literal("session.update"), session }),
  z.strictObject({ ...base, type: z.literal("input_audio_buffer.append"), audio: z.base64() }),
  z.strictObject({ ...base, type: z.literal("input_audio_buffer.commit") }),
  z.strictObject({ ...base, type: z.literal("input_audio_buffer.clear") }),
  z.strictObject({
    ...base,
    type: z.literal("conversation.item.create"),
    previous_item_id: z.string().nullish(),
    item,
  }),
  z.strictObject({
    ...base,
    type: z.literal("conversation.item.truncate"),
    item_id: z.string(),
    content_index: z.int(),
    audio_end_ms: z.int().min(0),
  }),
  z.strictObject({ ...base, type: z.literal("conversation.item.delete"), item_id: z.string() }),
  z.strictObject({
    ...base,
    type: z.literal("response.create"),
    response: z
      .looseObject({
        conversation: z.string().optional(),
        output_modalities: z.array(z.enum(["audio", "text"])).optional(),
        metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
      })
      .optional(),
  }),
  z.strictObject({ ...base, type: z.literal("response.cancel"), response_id: z.string().optional() }),
])
export type EmbeddedRequest = z.output<typeof Request>

export type RequestFault = { code: string; message: string; param: string | null; event_id: string | null }

const Headed = z.looseObject({
  type: z.string().optional(),
  event_id: z.string().optional().catch(undefined),
})

/** Parses a frame of the client. A frame that is rejected becomes the error to answer with. */
export function parseEmbeddedRequest(
  text: string,
): { ok: true; request: EmbeddedRequest } | { ok: false; fault: RequestFault } {
  const headed = Headed.safeParse(parseJson(text))
  const event_id = headed.data?.event_id ?? null
  const refuse = (code: string, message: string, param: string | null) => ({
    ok: false as const,
    fault: { code, message, param, event_id },
  })
  if (!headed.success) return refuse("invalid_event", "The event is not valid JSON.", null)
  if (headed.data.type === undefined) return refuse("invalid_event", "The 'type' field is missing.", null)
  const parsed = Request.safeParse(headed.data)
  if (parsed.success) return { ok: true, request: parsed.data }
  const [issue] = parsed.error.issues
  const path = (issue?.path ?? []).map(String)
  if (issue?.code === "unrecognized_keys") {
    const param = [...path, issue.keys[0]].join(".")
    return refuse("unknown_parameter", `Unknown parameter: '${param}'.`, param)
  }
  const param = path.join(".")
  if (isMissing(headed.data, path)) {
    return refuse("missing_required_parameter", `Missing required parameter: '${param}'.`, param)
  }
  return refuse("invalid_value", `Invalid value: '${param}'. ${issue?.message ?? ""}`.trim(), param)
}

function isMissing(event: unknown, path: readonly string[]): boolean {
  let value = event
  for (const key of path) {
    if (typeof value !== "object" || value === null) return false
    value = Object.entries(value).find(([name]) => name === key)?.[1]
  }
  return value === undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
