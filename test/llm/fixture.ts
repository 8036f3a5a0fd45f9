/** Requests and answers as the tests of the text models use them. */

import type { ToolSpec } from "../../src/call/tool-spec.ts"
import type { ChatItem, ChatPart, ChatRequest } from "../../src/llm/chat-model.ts"

export const SEND_DTMF: ToolSpec = {
  name: "send-dtmf",
  description: "Presses keys",
  parameters: {
    type: "object",
    properties: { dtmfDigit: { type: "string" } },
    required: ["dtmfDigit"],
    additionalProperties: false,
  },
  strict: true,
}

/** A tool whose schema is not fit for `strict`. */
export const END_CALL: ToolSpec = {
  name: "end-call",
  description: "Ends the call",
  parameters: { type: "object", properties: { conversationSummary: { type: "string" } } },
}

export function tool(name: string): ToolSpec {
  return { name, description: name, parameters: { type: "object", properties: {} } }
}

export function chatRequest(fields: Partial<ChatRequest> = {}): ChatRequest {
  return {
    instructions: "You are a friendly voice.",
    items: [user("Hello")],
    tools: [],
    toolChoice: "auto",
    cacheKey: "agent-1",
    safetyId: "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    ...fields,
  }
}

export const user = (text: string): ChatItem => ({ type: "message", role: "user", text })
export const note = (text: string): ChatItem => ({ type: "message", role: "system", text })
export const agent = (text: string, phase?: string): ChatItem => ({
  type: "message",
  role: "assistant",
  text,
  ...(phase ? { phase } : {}),
})

export async function collect(parts: AsyncIterable<ChatPart>): Promise<ChatPart[]> {
  const all: ChatPart[] = []
  for await (const part of parts) all.push(part)
  return all
}

/** What would be spoken. */
export function spoken(parts: readonly ChatPart[]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("")
}

export const never = new AbortController().signal

/** What the promise is rejected with; fails when it is not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error("was not rejected")
}
