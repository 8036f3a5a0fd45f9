/** What was said in a call, as one flat list of lines: for files and for programs that read no turns. Pure. */

import type { Call } from "./call.ts"
import { isTerminal } from "./status.ts"
import type { Turn } from "./turn.ts"

export type TranscriptItem = {
  role: "user" | "assistant" | "system"
  content: string
  /** ISO 8601, when it began. */
  timestamp: string
  itemId?: string
}

export type PlainTranscript = {
  /** Our own id for a call that has no SID. */
  callSid: string
  /** The other party's number. */
  phoneNumber: string
  /** ISO 8601: the end of the call; while it runs, its beginning. */
  timestamp: string
  transcript: TranscriptItem[]
}

/** Undefined for a call that never became a conversation. `turns` in the order of the conversation. */
export function plainTranscript(call: Call, turns: readonly Turn[]): PlainTranscript | undefined {
  const startedAt = call.answeredAt ?? turns[0]?.startedAt
  if (startedAt === undefined) return undefined
  const endedAt = isTerminal(call.status) ? call.endedAt : null
  return {
    callSid: call.sid ?? call.id,
    phoneNumber: call.direction === "inbound" ? call.from : call.to,
    timestamp: isoOf(endedAt ?? startedAt),
    transcript: [
      { role: "system", content: "Call started", timestamp: isoOf(startedAt) },
      ...turns.flatMap(itemsOf),
      ...(endedAt === null
        ? []
        : [{ role: "system" as const, content: "Call ended", timestamp: isoOf(endedAt) }]),
    ],
  }
}

/** Lines `Caller: …` and `Assistant: …` with a blank line between them. */
export function plainText({ transcript }: PlainTranscript): string {
  const lines = transcript.flatMap(({ role, content }) => {
    if (role === "system") return []
    return [`${role === "user" ? "Caller" : "Assistant"}: ${content}`]
  })
  return lines.length === 0 ? "" : `${lines.join("\n\n")}\n`
}

function itemsOf({ id, kind, speaker, text, tool, startedAt }: Turn): TranscriptItem[] {
  const common = { timestamp: isoOf(startedAt), itemId: id }
  if (tool) return [{ role: "assistant", content: `${tool.name}(${tool.arguments})`, ...common }]
  if (kind === "note" || kind === "ivr" || text === "") return []
  const role = speaker === "caller" ? "user" : speaker === "agent" ? "assistant" : "system"
  return [{ role, content: kind === "keypad" ? `[keypad] ${text}` : text, ...common }]
}

function isoOf(at: number): string {
  return new Date(at).toISOString()
}
