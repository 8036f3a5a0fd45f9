/** Codec: chunks of a Chat Completions stream in, parts of an answer out. Forgives what local servers leave out. */

import { z } from "zod"
import type { ChatPart, ChatRequest } from "../chat-model.ts"
import { brokenStream } from "./openai-errors.ts"
import { SpokenFilter } from "../reasoning-filter.ts"
import { ToolCallAssembler, ToolCallFragment } from "./tool-call-assembler.ts"

const Chunk = z.object({
  choices: z
    .array(
      z.object({
        delta: z
          .object({
            content: z.string().nullish(),
            refusal: z.string().nullish(),
            tool_calls: z.array(ToolCallFragment).nullish(),
          })
          .nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: z
    .object({
      prompt_tokens: z.number(),
      prompt_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
      completion_tokens: z.number(),
    })
    .nullish()
    .catch(undefined),
})

/** Turns chunks into parts. Reasoning in fields of its own is never looked at. */
export class ChatChunks {
  readonly #filter = new SpokenFilter()
  readonly #calls = new ToolCallAssembler()
  readonly #request: ChatRequest
  #finishReason: string | undefined
  #usage: z.infer<typeof Chunk>["usage"]

  constructor(request: ChatRequest) {
    this.#request = request
  }

  /** Whether the server has said why the answer ended. */
  get isComplete(): boolean {
    return this.#finishReason !== undefined
  }

  *read(chunk: unknown): Generator<ChatPart> {
    const parsed = Chunk.safeParse(chunk)
    if (!parsed.success) throw brokenStream("held a chunk that cannot be read", parsed.error)
    const { choices, usage } = parsed.data
    this.#usage = usage ?? this.#usage
    const choice = choices?.[0]
    if (!choice) return
    const text = this.#filter.push((choice.delta?.content ?? "") + (choice.delta?.refusal ?? ""))
    if (text !== "") yield { type: "text", text }
    for (const fragment of choice.delta?.tool_calls ?? []) this.#calls.add(fragment)
    this.#finishReason = choice.finish_reason ?? this.#finishReason
  }

  *end(): Generator<ChatPart> {
    const rest = this.#filter.flush()
    if (rest !== "") yield { type: "text", text: rest }
    const cut = cutBy(this.#finishReason)
    const taken = this.#request.items.flatMap((item) => (item.type === "tool-call" ? [item.callId] : []))
    const calls =
      this.#request.toolChoice === "none" ? [] : this.#calls.finish({ taken, cutOff: cut !== undefined })
    for (const call of calls) yield { type: "tool-call", ...call }
    yield {
      type: "end",
      reason: cut ?? (calls.length > 0 ? "tool-calls" : "stop"),
      ...(this.#usage
        ? {
            usage: {
              inputTokens: this.#usage.prompt_tokens,
              cachedTokens: this.#usage.prompt_tokens_details?.cached_tokens ?? 0,
              outputTokens: this.#usage.completion_tokens,
            },
          }
        : {}),
    }
  }
}

function cutBy(finishReason: string | undefined): "length" | "filtered" | undefined {
  if (finishReason === "length") return "length"
  return finishReason === "content_filter" ? "filtered" : undefined
}
