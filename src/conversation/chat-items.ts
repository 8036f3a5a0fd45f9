/** How a model reads a conversation: turns become messages, and each tool call has exactly one result. Pure. */

import type { Turn } from "../call/turn.ts"
import type { ChatItem } from "../llm/chat-model.ts"
import type { ReplyMark } from "./reply-marks.ts"

/** Stands for the result of a tool that still runs. */
const STILL_RUNNING = JSON.stringify({
  success: false,
  code: "STILL_RUNNING",
  message: "This call is still running. Do not repeat it.",
})

const ROLES = { caller: "user", agent: "assistant", system: "system" } as const

/** The marks of a reply, by the id of its turn. */
export type MarksOf = (replyId: string) => readonly ReplyMark[]

/** The conversation as a model reads it: what was heard, and each tool call with exactly one result. */
export function chatItems(turns: readonly Turn[], marksOf: MarksOf): ChatItem[] {
  const toolsOf = Map.groupBy(
    turns.filter((turn) => turn.tool !== null),
    (turn) => turn.tool?.replyTurnId ?? "",
  )
  const spoken = new Set(turns.filter(({ kind }) => kind === "speech").map(({ id }) => id))
  const items: ChatItem[] = []
  for (const turn of turns) {
    if (turn.kind === "note") {
      items.push({ type: "message", role: ROLES[turn.speaker], text: turn.text })
    } else if (turn.kind === "keypad") {
      items.push({ type: "message", role: "user", text: keypadText(turn.text) })
    } else if (turn.kind === "tool") {
      // Of a reply that has said nothing; otherwise they stand among its words.
      const id = turn.tool?.replyTurnId ?? ""
      const tools = toolsOf.get(id)
      if (spoken.has(id) || !tools) continue
      items.push(...replyItems({ text: "" }, tools, marksOf(id)))
      toolsOf.delete(id)
    } else if (turn.speaker === "caller") {
      items.push({ type: "message", role: "user", text: turn.text })
    } else items.push(...replyItems(turn, toolsOf.get(turn.id) ?? [], marksOf(turn.id)))
  }
  return items
}

/** One turn of the agent: its words, with tool calls and marks at the places where they were made. */
function replyItems(
  turn: Pick<Turn, "text">,
  tools: readonly Turn[],
  marks: readonly ReplyMark[],
): ChatItem[] {
  const items: ChatItem[] = []
  let from = 0
  let phase: string | undefined
  const speakTo = (offset: number) => {
    const to = Math.max(from, Math.min(offset, turn.text.length))
    items.push(...speech(turn.text.slice(from, to), phase))
    from = to
  }
  let batch: Turn[] = []
  const closeBatch = () => {
    items.push(...toolItems(batch))
    batch = []
  }
  for (let index = 0; index <= tools.length; index++) {
    for (const mark of marks.filter(({ toolsBefore }) => toolsBefore === index)) {
      closeBatch()
      speakTo(mark.offset)
      if ("item" in mark) items.push(mark.item)
      else phase = mark.phase
    }
    const next = tools[index]
    if (!next?.tool) continue
    if (next.tool.offset > from) {
      closeBatch()
      speakTo(next.tool.offset)
    }
    batch.push(next)
  }
  closeBatch()
  speakTo(turn.text.length)
  return items
}

/** What the caller pressed, in words for the model. */
function keypadText(digits: string): string {
  return `The caller pressed ${digits} on the keypad.`
}

function speech(text: string, phase: string | undefined): ChatItem[] {
  if (text.trim() === "") return []
  return [{ type: "message", role: "assistant", text: text.trim(), ...(phase ? { phase } : {}) }]
}

/** The calls first, then their results, as the model made them in one go. */
function toolItems(turns: readonly Turn[]): ChatItem[] {
  const tools = turns.flatMap(({ tool }) => (tool ? [tool] : []))
  return [
    ...tools.map(({ callId, name, arguments: args }) => ({
      type: "tool-call" as const,
      callId,
      name,
      arguments: args,
    })),
    ...tools.map(({ callId, output }) => ({
      type: "tool-result" as const,
      callId,
      output: output ?? STILL_RUNNING,
    })),
  ]
}
