/** What a server that speaks Chat Completions needs beyond the protocol, as its refusals tell. Pure. */

import { toChatModelError } from "./openai-errors.ts"

/** `strict`: one system message, then user and assistant in turns, the user first and last. */
export type Roles = "any" | "strict"

export type Dialect = {
  readonly roles: Roles
  /** Whether there may be a system message at all. */
  readonly systemRole: boolean
  /** Whether `stream_options` may ask for usage. */
  readonly streamOptions: boolean
  /** Whether `response_format` may be sent. */
  readonly responseFormat: boolean
  /** Ids of tool calls must be nine letters and digits. */
  readonly shortIds: boolean
  /** Assistant messages must carry the reasoning that the server sent with them. */
  readonly returnsReasoning: boolean
  /** Tool calls without a signature of the server need the mark that skips its check. */
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

/** What a refusal in these words is about. The first that changes anything counts. */
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

/** Statuses with which servers refuse a conversation; templates that fail are a 500 of llama.cpp. */
const REFUSED = new Set([400, 422, 500])

/** The dialect that avoids this refusal, or undefined when it says nothing about the dialect. */
export function adapted(dialect: Dialect, error: unknown): Dialect | undefined {
  const { status, message } = toChatModelError(error)
  if (status === undefined || !REFUSED.has(status)) return undefined
  for (const { words, change } of LESSONS) {
    const next = { ...dialect, ...change }
    if (words.test(message) && JSON.stringify(next) !== JSON.stringify(dialect)) return next
  }
  return undefined
}
