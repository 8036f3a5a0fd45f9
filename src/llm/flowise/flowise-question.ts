/** Converts a conversation to a Flowise request: question, history and named values. (Flowise: "Prediction".) Pure. */

import type { ChatItem, ChatRequest } from "../chat-model.ts"

export type FlowiseMessage = { role: "userMessage" | "apiMessage"; content: string }

export type FlowiseQuestion = {
  question: string
  history: FlowiseMessage[]
}

/** Flowise requires a question. */
const GO_ON = "Please go on."

/**
 * The question: everything since the flow's last text. Undefined if no answer is needed: the markers of the last answer
 * ran, and it contained text. Flowise has only two roles, so notes are sent as `System: …`.
 */
export function questionOf({ items }: ChatRequest): FlowiseQuestion | undefined {
  const lastHeard = items.findLastIndex((item) => item.type === "message" && item.role !== "assistant")
  const reply = items.slice(lastHeard + 1)
  const results = reply.filter((item) => item.type === "tool-result")
  const spoke = reply.some((item) => item.type === "message")
  const failed = results.filter(({ output }) => !succeeded(output))
  if (results.length > 0 && spoke && failed.length === 0) return undefined

  const messages = items.flatMap(toMessage)
  const lastSaid = messages.findLastIndex(({ role }) => role === "apiMessage")
  const open = messages.slice(lastSaid + 1).map(({ content }) => content)
  const reported = (spoke ? failed : results).map(({ callId, output }) => {
    const call = reply.find((item) => item.type === "tool-call" && item.callId === callId)
    return `System: ${call?.type === "tool-call" ? call.name : "the tool"} returned ${output}`
  })
  return {
    question: [...open, ...reported].join("\n") || GO_ON,
    history: messages.slice(0, lastSaid + 1),
  }
}

function toMessage(item: ChatItem): FlowiseMessage[] {
  if (item.type !== "message" || item.text.trim() === "") return []
  if (item.role === "assistant") return [{ role: "apiMessage", content: item.text }]
  return [{ role: "userMessage", content: item.role === "user" ? item.text : `System: ${item.text}` }]
}

function succeeded(output: string): boolean {
  try {
    const result: unknown = JSON.parse(output)
    return typeof result !== "object" || result === null || !("success" in result) || result.success !== false
  } catch {
    return true
  }
}
