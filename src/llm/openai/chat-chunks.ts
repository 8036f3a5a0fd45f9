/** Codec: converts chunks of a Chat Completions stream to parts. Accepts the gaps of local servers. */

import { z } from "zod"
import type { ChatPart, ChatRequest } from "../chat-model.ts"
import { SpokenFilter } from "../reasoning-filter.ts"
import { CHAT_BACK_END, type CallExtras } from "./chat-messages.ts"
import { brokenStream, chunkFailure } from "./openai-errors.ts"
import { ToolCallAssembler, ToolCallFragment } from "./tool-call-assembler.ts"

/** Limit of reasoning that is kept to be sent back. */
const MAX_REASONING_CHARS = 65_536

/** A text, or a list of parts; only text parts are spoken. (Mistral: "Reasoning".) */
const Content = z.union([
  z.string(),
  z
    .array(z.union([z.string(), z.looseObject({ type: z.string().nullish(), text: z.string().nullish() })]))
    .transform((parts) => parts.map((part) => (typeof part === "string" ? part : textOf(part))).join("")),
])

const Delta = z.object({
  content: Content.nullish(),
  refusal: z.string().nullish(),
  reasoning_content: z.string().nullish().catch(undefined),
  tool_calls: z.array(ToolCallFragment).nullish(),
})

const UsageBlock = z
  .object({
    prompt_tokens: z.number(),
    prompt_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
    /** (DeepSeek: "Context caching".) */
    prompt_cache_hit_tokens: z.number().nullish(),
    completion_tokens: z.number(),
  })
  .nullish()
  .catch(undefined)

const Chunk = z.object({
  choices: z
    .array(
      z.object({
        delta: Delta.nullish(),
        /** Replaces `delta` if a server does not stream. */
        message: Delta.nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: UsageBlock,
  /** (Groq: "Text generation: Streaming".) */
  x_groq: z.object({ usage: UsageBlock }).nullish().catch(undefined),
  /** `error`: a failure without a wrapper. (vLLM.) */
  object: z.string().nullish().catch(undefined),
  error: z.unknown().optional(),
})

/** Finish reasons that report a failure. (DeepSeek, Mistral, vLLM.) */
const GAVE_UP = new Set(["error", "abort", "insufficient_system_resource"])

/** Converts chunks to parts. Reasoning in separate fields is never spoken. */
export class ChatChunks {
  readonly #filter = new SpokenFilter()
  readonly #calls = new ToolCallAssembler()
  readonly #request: ChatRequest
  #finishReason: string | undefined
  #isDone = false
  #spoke = false
  #reasoning = ""
  #usage: z.infer<typeof UsageBlock>

  constructor(request: ChatRequest) {
    this.#request = request
  }

  /** Whether the server has sent a finish reason, or the end of a non-empty answer. */
  get isComplete(): boolean {
    return this.#finishReason !== undefined || (this.#isDone && (this.#spoke || this.#calls.size > 0))
  }

  *read(chunk: unknown): Generator<ChatPart> {
    const parsed = Chunk.safeParse(chunk)
    if (!parsed.success) throw brokenStream("held a chunk that cannot be read", parsed.error)
    const { choices, usage, x_groq: groq, error, object } = parsed.data
    if (error) throw chunkFailure(error)
    if (object === "error") throw chunkFailure(chunk)
    this.#usage = usage ?? groq?.usage ?? this.#usage
    const choice = choices?.[0]
    if (!choice) return
    const delta = choice.delta ?? (this.#spoke ? undefined : choice.message)
    const text = this.#filter.push((delta?.content ?? "") + (delta?.refusal ?? ""))
    if (text !== "") {
      this.#spoke = true
      yield { type: "text", text }
    }
    if (delta?.reasoning_content && this.#reasoning.length < MAX_REASONING_CHARS) {
      this.#reasoning += delta.reasoning_content
    }
    for (const fragment of delta?.tool_calls ?? []) this.#calls.add(fragment)
    if (GAVE_UP.has(choice.finish_reason ?? "")) throw chunkFailure({ message: choice.finish_reason })
    if (choice.finish_reason) this.#finishReason = choice.finish_reason
  }

  /** `data: [DONE]`. */
  done(): void {
    this.#isDone = true
  }

  *end(): Generator<ChatPart> {
    const rest = this.#filter.flush()
    if (rest !== "") yield { type: "text", text: rest }
    const cut = cutBy(this.#finishReason)
    const usedIds = this.#request.items.flatMap((item) => (item.type === "tool-call" ? [item.callId] : []))
    const calls =
      this.#request.toolChoice === "none" ? [] : this.#calls.finish({ usedIds, cutOff: cut !== undefined })
    const item: CallExtras = {
      reasoning: this.#reasoning,
      extras: Object.fromEntries(
        calls.flatMap(({ callId, extra }) => (extra === undefined ? [] : [[callId, extra]])),
      ),
    }
    if (calls.length > 0 && (item.reasoning !== "" || Object.keys(item.extras).length > 0)) {
      yield { type: "opaque", backEnd: CHAT_BACK_END, item }
    }
    for (const { callId, name, arguments: args } of calls) {
      yield { type: "tool-call", callId, name, arguments: args }
    }
    yield {
      type: "end",
      reason: cut ?? (calls.length > 0 ? "tool-calls" : "stop"),
      ...(this.#usage
        ? {
            usage: {
              inputTokens: this.#usage.prompt_tokens,
              cachedTokens:
                this.#usage.prompt_tokens_details?.cached_tokens ?? this.#usage.prompt_cache_hit_tokens ?? 0,
              outputTokens: this.#usage.completion_tokens,
            },
          }
        : {}),
    }
  }
}

function textOf({
  type,
  text,
}: {
  type?: string | null | undefined
  text?: string | null | undefined
}): string {
  return type == null || type === "text" || type === "output_text" ? (text ?? "") : ""
}

/** Other servers write `model_length` or `max_tokens` for `length`. */
function cutBy(finishReason: string | undefined): "length" | "filtered" | undefined {
  if (["length", "model_length", "max_tokens"].includes(finishReason ?? "")) return "length"
  return finishReason === "content_filter" ? "filtered" : undefined
}
