/** Codec: a conversation as the `messages` of Chat Completions, in the dialect of a server. Pure. */

import { createHash } from "node:crypto"
import { z } from "zod"
import type { ChatItem, ChatRequest } from "../chat-model.ts"
import type { Dialect } from "./dialect.ts"

/** The back end's name on stored reasoning and signatures. */
export const CHAT_BACK_END = "openai-chat"

/** Data that a server requires back with the tool calls of one answer. */
export const CallExtras = z.object({
  reasoning: z.string(),
  /** `extra_content` by the id of the call. (Gemini: "Thought signatures".) */
  extras: z.record(z.string(), z.unknown()),
})
export type CallExtras = z.infer<typeof CallExtras>

type Call = {
  id: string
  type: "function"
  function: { name: string; arguments: string }
  extra_content?: unknown
}
export type ChatMessage =
  | { role: "system" | "user"; content: string }
  | { role: "assistant"; content: string | null; tool_calls?: Call[]; reasoning_content?: string }
  | { role: "tool"; tool_call_id: string; content: string }

/** Makes Gemini skip the check of a missing signature. (Gemini: "Thought signatures: FAQ".) */
const SKIP_SIGNATURE = { google: { thought_signature: "skip_thought_signature_validator" } }

export function chatMessages(
  { instructions, items }: Pick<ChatRequest, "instructions" | "items">,
  dialect: Dialect,
): ChatMessage[] {
  const messages = [...message("system", instructions), ...toMessages(items, dialect)]
  return dialect.roles === "strict" ? alternating(messages, dialect) : messages
}

/** Consecutive calls and the text before them become one message. */
function toMessages(items: readonly ChatItem[], dialect: Dialect): ChatMessage[] {
  const messages: ChatMessage[] = []
  let extras: CallExtras | undefined
  for (const item of items) {
    switch (item.type) {
      case "message":
        for (const said of message(item.role, item.text)) messages.push(withReasoning(said, " ", dialect))
        break
      case "tool-call": {
        const call = toCall(item, extras, dialect)
        const last = messages.at(-1)
        if (last?.role === "assistant") {
          last.tool_calls = [...(last.tool_calls ?? []), call]
          if (extras?.reasoning && dialect.returnsReasoning) last.reasoning_content = extras.reasoning
        } else {
          const calling: ChatMessage = { role: "assistant", content: null, tool_calls: [call] }
          messages.push(withReasoning(calling, extras?.reasoning ?? "", dialect))
        }
        break
      }
      case "tool-result":
        extras = undefined
        messages.push({ role: "tool", tool_call_id: idOf(item.callId, dialect), content: item.output })
        break
      case "opaque":
        if (item.backEnd === CHAT_BACK_END) extras = CallExtras.safeParse(item.item).data
        break
      default:
        item satisfies never
    }
  }
  return messages
}

function message(role: "user" | "assistant" | "system", content: string): ChatMessage[] {
  return content === "" ? [] : [{ role, content }]
}

function toCall(
  { callId, name, arguments: args }: Extract<ChatItem, { type: "tool-call" }>,
  extras: CallExtras | undefined,
  dialect: Dialect,
): Call {
  const extra = extras?.extras[callId] ?? (dialect.skipsSignatures ? SKIP_SIGNATURE : undefined)
  return {
    id: idOf(callId, dialect),
    type: "function",
    function: { name, arguments: args },
    ...(extra === undefined ? {} : { extra_content: extra }),
  }
}

function idOf(callId: string, { shortIds }: Dialect): string {
  if (!shortIds || /^[A-Za-z0-9]{9}$/.test(callId)) return callId
  return createHash("sha256").update(callId).digest("hex").slice(0, 9)
}

/** DeepSeek requires a non-empty string if the reasoning is unknown. */
function withReasoning(said: ChatMessage, reasoning: string, { returnsReasoning }: Dialect): ChatMessage {
  if (!returnsReasoning || said.role !== "assistant") return said
  return { ...said, reasoning_content: reasoning === "" ? " " : reasoning }
}

/** Inserted if a server requires a user message first or last. */
const SILENT_USER = "[The caller has not said anything yet.]"
/** Inserted between tool results and a caller who did not wait for the answer. */
const SILENT_ASSISTANT = "…"

/** One system message, then alternating user and assistant messages; the first and last are the user's or tool results. */
function alternating(messages: readonly ChatMessage[], { systemRole }: Dialect): ChatMessage[] {
  const firstTurn = messages.findIndex(({ role }) => role !== "system")
  const turnsFrom = firstTurn === -1 ? messages.length : firstTurn
  const system = messages
    .slice(0, turnsFrom)
    .map(({ content }) => content)
    .join("\n\n")
  const turns: ChatMessage[] = []
  for (const given of messages.slice(turnsFrom)) {
    const next = given.role === "system" ? asNote(given.content) : { ...given }
    const last = turns.at(-1)
    if (next.role === "tool") turns.push(next)
    else if (last?.role === "user" && next.role === "user") last.content += `\n${next.content}`
    else if (last?.role === "assistant" && next.role === "assistant") join(last, next)
    else {
      if (last === undefined && next.role === "assistant") turns.push(user(SILENT_USER))
      if (last?.role === "tool" && next.role === "user") {
        turns.push({ role: "assistant", content: SILENT_ASSISTANT })
      }
      turns.push(next)
    }
  }
  const end = turns.at(-1)?.role
  if (end === undefined || end === "assistant") turns.push(user(SILENT_USER))
  if (system === "") return turns
  if (systemRole) return [{ role: "system", content: system }, ...turns]
  const [first, ...others] = turns
  return [user(`${system}\n\n${first?.content ?? ""}`), ...others]
}

function user(content: string): ChatMessage & { role: "user" } {
  return { role: "user", content }
}

function asNote(content: string): ChatMessage & { role: "user" } {
  return user(`[Note, not said by the caller: ${content}]`)
}

function join(last: ChatMessage & { role: "assistant" }, next: ChatMessage & { role: "assistant" }): void {
  last.content = [last.content, next.content].filter(Boolean).join(" ") || null
  if (next.tool_calls) last.tool_calls = [...(last.tool_calls ?? []), ...next.tool_calls]
  if (next.reasoning_content !== undefined) last.reasoning_content ??= next.reasoning_content
}
