/** What a called person hears before the caller is connected, and whether the person accepts the call. */

import type { Call } from "../call/call.ts"
import { nonce } from "../call/ids.ts"
import type { NextStep, VoicePrompt } from "../call/next-step.ts"
import { isTerminal } from "../call/status.ts"
import { webhookUrl } from "../twilio/webhook-url.ts"
import { agentOf, publish, type ControlContext } from "./context.ts"

/** A longer whisper would keep the caller waiting; in characters. */
const MAX_WHISPER = 500
/** How long the person may take to press the key after each question, in seconds. */
const ACCEPT_SECONDS = 6
/** How often the person is asked. */
const MAX_QUESTIONS = 2

/** The first request of the called person's leg. Without a key to press, the caller is connected after the whisper. */
export function whisper(context: ControlContext, call: Call): NextStep {
  if (isTerminal(call.status)) return { kind: "nothing" }
  const summary = call.transfer?.summary.trim() ?? ""
  const text = `A caller is transferred to you. ${summary}`.trim().slice(0, MAX_WHISPER)
  if (acceptKeyOf(context, call) === undefined) return { kind: "say", text, then: { kind: "nothing" } }
  return askToAccept(context, call, { text, question: 1 })
}

/** The person pressed a key, or none: `question` counts from 1. */
export function whisperAnswered(
  context: ControlContext,
  call: Call,
  { digits, question }: { digits: string | null; question: number },
): NextStep {
  if (isTerminal(call.status) || call.transfer?.state !== "started") return { kind: "hang-up" }
  const key = acceptKeyOf(context, call)
  // No instruction connects the two.
  if (key === undefined || digits === key) {
    publish(context, call, { type: "transfer.accepted" })
    return { kind: "nothing" }
  }
  // A voicemail presses nothing: the caller returns instead of talking to it.
  if (question >= MAX_QUESTIONS) return { kind: "hang-up" }
  return askToAccept(context, call, { text: "", question: question + 1 })
}

function askToAccept(
  context: ControlContext,
  call: Call,
  { text, question }: { text: string; question: number },
): NextStep {
  const { acceptTransfer } = agentOf(context, call).phrases
  const key = acceptKeyOf(context, call) ?? ""
  const prompts: VoicePrompt[] = [
    { kind: "text", text },
    { kind: "text", text: acceptTransfer.replaceAll("{key}", key) },
  ]
  const query = `call=${call.id}&question=${question}&n=${nonce()}`
  return {
    kind: "gather",
    prompts,
    actionUrl: webhookUrl(context.publicUrl(), `/twilio/whisper-answered?${query}`),
    input: ["dtmf"],
    numDigits: 1,
    finishOnKey: "",
    timeoutSeconds: ACCEPT_SECONDS,
    language: "en-US",
    hints: [],
  }
}

function acceptKeyOf(context: ControlContext, call: Call): string | undefined {
  return agentOf(context, call).transfer.acceptKey
}
