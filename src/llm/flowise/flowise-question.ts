/** A conversation as Flowise takes it: a question, what was said before, and values by name. (Flowise: "Prediction".) Pure. */

import type { ChatItem, ChatRequest } from "../chat-model.ts"

export type FlowiseMessage = { role: "userMessage" | "apiMessage"; content: string }

export type FlowiseQuestion = {
  question: string
  history: FlowiseMessage[]
}

/** A flow must be asked something. */
const GO_ON = "Please go on."

/**
 * What a flow is asked: everything since its last words. Undefined when nothing is left to say: the markers of its
 * answer were carried out, and it has spoken. There are only two roles, so notes are told as `System: …`.
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
  const told = (spoke ? failed : results).map(({ callId, output }) => {
    const call = reply.find((item) => item.type === "tool-call" && item.callId === callId)
    return `System: ${call?.type === "tool-call" ? call.name : "the tool"} returned ${output}`
  })
  return {
    question: [...open, ...told].join("\n") || GO_ON,
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
