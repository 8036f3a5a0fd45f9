/** Converts the events of one Flowise answer to parts: text, tool calls, failures. */

import { z } from "zod"
import type { ToolSpec } from "../../call/tool-spec.ts"
import { ChatModelError, type ChatPart, type ChatRequest, type TokenUsage } from "../chat-model.ts"
import type { FlowiseEvent } from "./flowise-events.ts"
import { MarkerFilter, type Marker } from "./flowise-markers.ts"
import { SpokenFilter } from "../reasoning-filter.ts"

const MAX_MESSAGE_CHARS = 300

/** Restarts the caller's progress timeout, because the flow is working. */
const PROGRESS: ChatPart = { type: "text", text: "" }

/** The states of an agentflow that end it without an answer. (Flowise: "Streaming".) */
const HALTED: Readonly<Record<string, { message: string; retryable: boolean }>> = {
  ERROR: { message: "a node of the flow failed", retryable: true },
  TIMEOUT: { message: "the flow took too long", retryable: true },
  STOPPED: { message: "the flow waits for a person's decision", retryable: false },
  TERMINATED: { message: "the flow was stopped", retryable: false },
}

/** In LangChain's format; usage of nodes that report another format is ignored. */
const UsageMetadata = z.object({
  input_tokens: z.number(),
  output_tokens: z.number(),
  input_token_details: z.object({ cache_read: z.number().catch(0) }).catch({ cache_read: 0 }),
})

const Schema = z.object({
  properties: z.record(z.string(), z.unknown()).catch({}),
  required: z.array(z.string()).catch([]),
})

export class FlowiseAnswer {
  readonly #request: ChatRequest
  readonly #spoken = new SpokenFilter()
  readonly #markers = new MarkerFilter()
  readonly #usage: TokenUsage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
  /** White space, emitted only before more text. */
  #space = ""
  #spoke = false
  #called = false
  #complete = false

  constructor(request: ChatRequest) {
    this.#request = request
  }

  /** Whether the last event of the answer has arrived. */
  get isComplete(): boolean {
    return this.#complete
  }

  /** Throws `ChatModelError` for an event that reports a failure. */
  *read({ event, data }: FlowiseEvent): Generator<ChatPart> {
    switch (event) {
      case "token":
        if (typeof data === "string") yield* this.#pass(this.#spoken.push(data))
        return
      case "start":
      case "metadata":
        // `start` repeats the first token; the other event belongs to the end.
        return
      case "end":
        this.#complete = true
        return
      case "error":
        throw flowFailure(data)
      case "abort":
        throw new ChatModelError("Flowise: the flow was stopped", { retryable: false })
      case "agentFlowEvent": {
        const halted = typeof data === "string" ? HALTED[data] : undefined
        if (halted) throw new ChatModelError(`Flowise: ${halted.message}`, { retryable: halted.retryable })
        yield PROGRESS
        return
      }
      case "usageMetadata": {
        const counts = UsageMetadata.safeParse(data).data
        this.#usage.inputTokens += counts?.input_tokens ?? 0
        this.#usage.cachedTokens += counts?.input_token_details.cache_read ?? 0
        this.#usage.outputTokens += counts?.output_tokens ?? 0
        return
      }
      default:
        // Reasoning, tools and nodes: not spoken, but progress.
        yield PROGRESS
    }
  }

  /** Returns the rest of the text and the end part. Throws `ChatModelError` for an answer without text. */
  *end(): Generator<ChatPart> {
    yield* this.#pass(this.#spoken.flush())
    yield* this.#say(this.#markers.flush())
    if (!this.#spoke && !this.#called) {
      // A second run of the flow could repeat its effects.
      throw new ChatModelError("Flowise: the flow ended without a word", { retryable: false })
    }
    const counted = this.#usage.inputTokens + this.#usage.outputTokens > 0
    yield {
      type: "end",
      reason: this.#called ? "tool-calls" : "stop",
      ...(counted ? { usage: this.#usage } : {}),
    }
  }

  *#pass(text: string): Generator<ChatPart> {
    for (const piece of this.#markers.push(text)) {
      if (typeof piece === "string") yield* this.#say(piece)
      else yield* this.#call(piece)
    }
  }

  *#say(text: string): Generator<ChatPart> {
    const whole = this.#space + text
    const words = whole.trimEnd()
    this.#space = this.#spoke || words !== "" ? whole.slice(words.length) : ""
    if (words === "") return
    this.#spoke = true
    yield { type: "text", text: words }
  }

  /** A marker whose tool is not in the request is only removed from the text. */
  *#call({ name, words }: Marker): Generator<ChatPart> {
    const { tools, toolChoice } = this.#request
    const tool = toolChoice === "auto" ? tools.find((offered) => offered.name === name) : undefined
    if (!tool) return
    this.#called = true
    const callId = `call_${crypto.randomUUID()}`
    yield { type: "tool-call", callId, name, arguments: JSON.stringify(argumentsOf(tool, words)) }
  }
}

/** The argument of a marker is a JSON object, or the tool's first required argument. */
function argumentsOf({ parameters }: ToolSpec, words: string): unknown {
  if (words === "") return {}
  try {
    const given: unknown = JSON.parse(words)
    if (typeof given === "object" && given !== null && !Array.isArray(given)) return given
  } catch {
    // Plain text.
  }
  const { properties, required } = Schema.parse(parameters)
  const [name] = [...required, ...Object.keys(properties)]
  return name === undefined ? {} : { [name]: words }
}

/** A wrong key is reported here too: Flowise opens the stream before it checks the key. */
function flowFailure(data: unknown): ChatModelError {
  const words = (typeof data === "string" ? data : "no reason given")
    .replaceAll(/\s+/g, " ")
    .slice(0, MAX_MESSAGE_CHARS)
  const refused = /^unauthori[sz]ed\b/i.test(words)
  return new ChatModelError(
    `Flowise: ${words}`,
    refused ? { retryable: false, status: 401 } : { retryable: true },
  )
}
