/** Codec: converts events of a streamed response to parts. (OpenAI: "Streaming events reference".) */

import { z } from "zod"
import type { ChatPart, TokenUsage } from "../chat-model.ts"
import { brokenStream, streamFailure } from "./openai-errors.ts"

/** The back end's name on stored reasoning items. */
export const BACK_END = "openai-responses"

const TERMINAL = new Set(["response.completed", "response.incomplete", "response.failed", "error"])

const ItemEvent = z.object({
  item: z.looseObject({
    type: z.string(),
    id: z.string().optional(),
    phase: z.string().nullish(),
    status: z.string().nullish(),
    encrypted_content: z.string().nullish(),
  }),
})
const CallItem = z.object({ call_id: z.string().min(1), name: z.string().min(1), arguments: z.string() })
const UsageBlock = z.object({
  input_tokens: z.number(),
  input_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
  output_tokens: z.number(),
})
const Terminal = z.object({
  response: z.object({
    usage: UsageBlock.nullish().catch(undefined),
    incomplete_details: z.object({ reason: z.string().nullish() }).nullish(),
    error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
  }),
})
const ErrorEvent = z.object({ code: z.string().nullish(), message: z.string().nullish() })

/** Whether this event ends the response. */
export function isLastEvent(event: unknown): boolean {
  return TERMINAL.has(typeOf(event))
}

/** Converts events to parts. Throws `ChatModelError` for a failed response and for an invalid event. */
export class ResponseEvents {
  readonly #phases = new Map<string, string>()
  #called = false

  read(event: unknown): ChatPart[] {
    switch (typeOf(event)) {
      case "response.output_item.added": {
        const { id, phase } = parse(ItemEvent, event).item
        if (id && phase) this.#phases.set(id, phase)
        return []
      }
      case "response.output_text.delta":
      case "response.refusal.delta": {
        if (!isDelta(event)) throw brokenStream("held an event that cannot be read")
        const { delta, item_id: id } = event
        const phase = typeof id === "string" ? this.#phases.get(id) : undefined
        if (delta === "") return []
        return [phase === undefined ? { type: "text", text: delta } : { type: "text", text: delta, phase }]
      }
      case "response.output_item.done":
        return this.#itemDone(parse(ItemEvent, event).item)
      case "response.completed":
        return [this.#end(this.#called ? "tool-calls" : "stop", event)]
      case "response.incomplete": {
        const { incomplete_details: details } = parse(Terminal, event).response
        return [this.#end(details?.reason === "content_filter" ? "filtered" : "length", event)]
      }
      case "response.failed": {
        const { error } = parse(Terminal, event).response
        throw streamFailure(error?.code, error?.message)
      }
      case "error": {
        const { code, message } = parse(ErrorEvent, event)
        throw streamFailure(code, message)
      }
      default:
        return []
    }
  }

  #itemDone(item: z.infer<typeof ItemEvent>["item"]): ChatPart[] {
    // Responses are not stored, so only encrypted reasoning can be sent back.
    if (item.type === "reasoning") {
      return item.encrypted_content ? [{ type: "opaque", backEnd: BACK_END, item }] : []
    }
    // A tool call that a limit cut off is dropped.
    if (item.type !== "function_call" || (item.status ?? "completed") !== "completed") return []
    const { call_id: callId, name, arguments: args } = parse(CallItem, item)
    this.#called = true
    return [{ type: "tool-call", callId, name, arguments: args === "" ? "{}" : args }]
  }

  #end(reason: "stop" | "tool-calls" | "length" | "filtered", event: unknown): ChatPart {
    const { usage } = parse(Terminal, event).response
    return usage ? { type: "end", reason, usage: toUsage(usage) } : { type: "end", reason }
  }
}

function toUsage(usage: z.infer<typeof UsageBlock>): TokenUsage {
  return {
    inputTokens: usage.input_tokens,
    cachedTokens: usage.input_tokens_details?.cached_tokens ?? 0,
    outputTokens: usage.output_tokens,
  }
}

/** Without a schema: there is one of these events for each token. */
function typeOf(event: unknown): string {
  const isTyped = typeof event === "object" && event !== null && "type" in event
  return isTyped && typeof event.type === "string" ? event.type : ""
}

function isDelta(event: unknown): event is { delta: string; item_id?: unknown } {
  const hasDelta = typeof event === "object" && event !== null && "delta" in event
  return hasDelta && typeof event.delta === "string"
}

function parse<T>(schema: z.ZodType<T>, event: unknown): T {
  const parsed = schema.safeParse(event)
  if (!parsed.success) throw brokenStream("held an event that cannot be read", parsed.error)
  return parsed.data
}
