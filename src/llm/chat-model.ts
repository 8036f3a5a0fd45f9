/** The text model as a conversation sees it: one request, a stream of parts, one abort signal. */

import type { JsonSchema, ToolSpec } from "../call/tool-spec.ts"

export type ChatItem =
  | { type: "message"; role: "user" | "assistant" | "system"; text: string; phase?: string }
  | { type: "tool-call"; callId: string; name: string; arguments: string }
  | { type: "tool-result"; callId: string; output: string }
  /** Something a back end wants returned unchanged (a reasoning item); only the back end of that name may read it. */
  | { type: "opaque"; backEnd: string; item: unknown }

export type ChatRequest = {
  /** Role and facts; the stable part comes first, for prompt caching. */
  instructions: string
  items: readonly ChatItem[]
  tools: readonly ToolSpec[]
  /** `none` makes the model answer in words. */
  toolChoice: "auto" | "none"
  /** The same for all requests that share instructions and tools. */
  cacheKey: string
  /** A hash that stands for the caller, never the number itself. */
  safetyId: string
  /** What is known of the call, for back ends that take it by name and not in the instructions. */
  facts?: Readonly<Record<string, string>>
  /** The same for all requests of one call or conversation. */
  conversationId?: string
  /** The answer is to be JSON of this schema, of an object. Back ends that cannot be told so read it in the messages. */
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
  /** Words to speak, to be passed on at once. `phase` as the back end reports it. */
  | { type: "text"; text: string; phase?: string }
  /** A complete call; may come before the end of the stream. */
  | { type: "tool-call"; callId: string; name: string; arguments: string }
  | { type: "opaque"; backEnd: string; item: unknown }
  /** Always the last part. `length`: cut by a token limit. `filtered`: by a content filter. */
  | { type: "end"; reason: "stop" | "tool-calls" | "length" | "filtered"; usage?: TokenUsage }

export interface ChatModel {
  /** Back end and model, for logs and records: `openai:gpt-6-luna`. */
  readonly name: string
  /**
   * Streams one answer. Throws `ChatModelError` for anything that keeps the stream from its `end` part, including a
   * stream that breaks off. When `signal` is aborted it ends, with or without an error, and closes its connection.
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
  /** Whether the same request may succeed at once. */
  readonly retryable: boolean
  /** HTTP status, where there was one. */
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
