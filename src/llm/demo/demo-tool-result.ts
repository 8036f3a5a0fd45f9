/** The demo's answers to tool results. Pure. */

import { z } from "zod"
import type { ChatItem } from "../chat-model.ts"
import { greetingIn } from "./demo-words.ts"

const MAX_CHARS = 200

const Result = z.looseObject({
  success: z.boolean().optional().catch(undefined),
  ok: z.boolean().optional().catch(undefined),
  message: z.string().optional().catch(undefined),
  error: z.unknown().optional(),
})
const Arguments = z.looseObject({
  dtmfDigit: z.string().optional().catch(undefined),
  ttsLanguage: z.string().optional().catch(undefined),
})

/** A sentence for the result, also for a failure. */
export function afterTool(result: ChatItem & { type: "tool-result" }, items: readonly ChatItem[]): string {
  const call = items.findLast((item) => item.type === "tool-call" && item.callId === result.callId)
  if (call?.type !== "tool-call") return "That is done."
  const { failed, message } = read(result.output)
  if (failed) return `I am sorry, that did not work. ${sentence(message)}`.trim()
  const args = Arguments.safeParse(json(call.arguments)).data
  switch (call.name) {
    case "end-call":
      return "Take care."
    case "send-dtmf":
      return `I have pressed ${args?.dtmfDigit?.split("").join(" ") ?? "the keys"}.`
    case "switch-language":
      return greetingIn(args?.ttsLanguage) ?? "I have switched the language."
    case "play-media":
      return "I hope you liked it."
    case "live-agent-handoff":
      return "I am connecting you now."
    default:
      return `That is done. ${sentence(message)}`.trim()
  }
}

function read(output: string): { failed: boolean; message: string } {
  const result = Result.safeParse(json(output)).data
  if (!result) return { failed: /^\W*(error|failed|failure)\b/i.test(output), message: output }
  const failed = result.success === false || result.ok === false || result.error !== undefined
  const error = typeof result.error === "string" ? result.error : ""
  return { failed, message: result.message ?? error }
}

function sentence(text: string): string {
  const short = text.trim().slice(0, MAX_CHARS)
  return short === "" || /[.!?]$/.test(short) ? short : `${short}.`
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
