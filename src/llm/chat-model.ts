/** The interface of text models: one request, a stream of parts, one abort signal. */

import type { JsonSchema, ToolSpec } from "../call/tool-spec.ts"

export type ChatItem =
  | { type: "message"; role: "user" | "assistant" | "system"; text: string; phase?: string }
  | { type: "tool-call"; callId: string; name: string; arguments: string }
  | { type: "tool-result"; callId: string; output: string }
  /** An item that a back end needs back unchanged (such as reasoning); only the back end of that name may read it. */
  | { type: "opaque"; backEnd: string; item: unknown }

export type ChatRequest = {
  /** The system prompt. Its stable part comes first, for prompt caching. */
  instructions: string
  items: readonly ChatItem[]
  tools: readonly ToolSpec[]
  /** `none`: the model must answer with text. */
  toolChoice: "auto" | "none"
  /** Equal for all requests with the same instructions and tools. */
  cacheKey: string
  /** A hash that identifies the caller; never the number itself. */
  safetyId: string
  /** Facts about the call, for back ends that take named values instead of instructions. */
  facts?: Readonly<Record<string, string>>
  /** Equal for all requests of one call or conversation. */
  conversationId?: string
  /** Requests JSON of this schema, whose type is object. Back ends without such an option find it in the messages. */
  format?: AnswerFormat
  /**
   * An earlier attempt got no answer. The request must not go over a connection that was kept open: behind a broken network
   * all of them may be dead, and each would cost the whole timeout.
   */
  freshConnection?: boolean
}

export type AnswerFormat = {
  /** Letters, digits, `_` and `-`, at most 64. */
  name: string
  schema: JsonSchema
}

export type TokenUsage = { inputTokens: number; cachedTokens: number; outputTokens: number }

export type ChatPart =
  /** Text to speak, passed on at once. `phase`: as the back end reports it. */
  | { type: "text"; text: string; phase?: string }
  /** A complete tool call; may arrive before the end of the stream. */
  | { type: "tool-call"; callId: string; name: string; arguments: string }
  | { type: "opaque"; backEnd: string; item: unknown }
  /** Always the last part. `length`: cut by a token limit. `filtered`: by a content filter. */
  | { type: "end"; reason: "stop" | "tool-calls" | "length" | "filtered"; usage?: TokenUsage }

export interface ChatModel {
  /** Back end and model, for logs and records: `openai:gpt-6-luna`. */
  readonly name: string
  /**
   * Streams one answer. Throws `ChatModelError` if the stream cannot reach its `end` part, also when it breaks off.
   * When `signal` is aborted, it ends, with or without an error, and closes its connection.
   */
  reply(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatPart>
}

export type ChatModelErrorOptions = {
  retryable: boolean
  status?: number | undefined
  code?: string | undefined
  requestId?: string | undefined
  cause?: unknown
}

export class ChatModelError extends Error {
  /** Whether an immediate retry may succeed. */
  readonly retryable: boolean
  /** HTTP status of the response, if there was one. */
  readonly status: number | undefined
  /** The back end's error code, the code of a network error, or `timeout`. */
  readonly code: string | undefined
  /** The back end's id of the request. */
  readonly requestId: string | undefined

  constructor(message: string, { retryable, status, code, requestId, cause }: ChatModelErrorOptions) {
    super(message, { cause })
    this.name = "ChatModelError"
    this.retryable = retryable
    this.status = status
    this.code = code
    this.requestId = requestId
  }
}
