/** Requirements of a Chat Completions server beyond the protocol, learned from its error responses. Pure. */

import { toChatModelError } from "./openai-errors.ts"

/** `strict`: one system message, then alternating user and assistant messages, the user's first and last. */
export type Roles = "any" | "strict"

export type Dialect = {
  readonly roles: Roles
  /** Whether the server accepts a system message. */
  readonly systemRole: boolean
  /** Whether `stream_options` may ask for usage. */
  readonly streamOptions: boolean
  /** Whether `response_format` may be sent. */
  readonly responseFormat: boolean
  /** Whether ids of tool calls must be nine letters and digits. */
  readonly shortIds: boolean
  /** Whether assistant messages must contain the reasoning that the server sent. */
  readonly returnsReasoning: boolean
  /** Whether tool calls without the server's signature need the value that skips its check. */
  readonly skipsSignatures: boolean
}

export function newDialect(roles: Roles): Dialect {
  return {
    roles,
    systemRole: true,
    streamOptions: true,
    responseFormat: true,
    shortIds: false,
    returnsReasoning: false,
    skipsSignatures: false,
  }
}

/** Error texts and the property that each one reveals. The first that changes the dialect applies. */
const LESSONS: readonly { words: RegExp; change: Partial<Dialect> }[] = [
  { words: /stream_options|include_usage/, change: { streamOptions: false } },
  { words: /response_format|json_schema/, change: { responseFormat: false } },
  { words: /reasoning_content/, change: { returnsReasoning: true } },
  { words: /thought_signature/, change: { skipsSignatures: true } },
  { words: /tool.?call.?ids?\b.*(?:length|must be|invalid)/is, change: { shortIds: true } },
  {
    words: /system role(?: is)? not supported|only user(?:,)? (?:and )?assistant(?: and tool)? roles/i,
    change: { roles: "strict", systemRole: false },
  },
  {
    words:
      /alternat|unexpected role|(?:first|last) (?:message|role)|\brole\b.*\b(?:must|should|expected)|(?:must|should) (?:start|begin|end) with|system message must|no user query/is,
    change: { roles: "strict" },
  },
]

/** Statuses of servers that refuse a conversation; llama.cpp answers 500 if a template fails. */
const REFUSED = new Set([400, 422, 500])

/** The dialect that avoids this error, or undefined if the error has another cause. */
export function adapted(dialect: Dialect, error: unknown): Dialect | undefined {
  const { status, message } = toChatModelError(error)
  if (status === undefined || !REFUSED.has(status)) return undefined
  for (const { words, change } of LESSONS) {
    const next = { ...dialect, ...change }
    if (words.test(message) && JSON.stringify(next) !== JSON.stringify(dialect)) return next
  }
  return undefined
}
