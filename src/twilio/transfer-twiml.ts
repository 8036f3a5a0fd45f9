/** TwiML that hands a caller to a person, and what that person hears first. */

import VoiceResponse from "twilio/lib/twiml/VoiceResponse"
import type { TransferTarget } from "../call/transfer-target.ts"
import { clean } from "./twiml.ts"

export type TransferTwiml = {
  target: TransferTarget
  /** Twilio asks here what follows when the person has hung up, or did not answer. */
  actionUrl: string
  /** What the person hears before the two are joined; only for a number or a SIP address. */
  whisperUrl: string
  /** Longest ringing, in seconds. */
  timeoutSeconds: number
  /** The number the person sees; left out: the caller's. */
  callerId?: string | undefined
  /** Said to the caller before. */
  announcement?: string | undefined
  /** What a workflow is given as the attributes of its task. */
  task: Record<string, string>
}

/** `<Dial>` for a number or SIP address, `<Enqueue>` for a queue or workflow. (Twilio: "TwiML Voice: Dial", "Enqueue".) */
export function transferTwiml(options: TransferTwiml): string {
  const { target, actionUrl, whisperUrl, timeoutSeconds, callerId, announcement, task } = options
  const response = new VoiceResponse()
  if (announcement) response.say(clean(announcement))
  switch (target.kind) {
    case "number":
    case "sip": {
      const dial = response.dial({
        action: actionUrl,
        method: "POST",
        timeout: timeoutSeconds,
        answerOnBridge: true,
        ...(callerId ? { callerId } : {}),
      })
      if (target.kind === "number") dial.number({ url: whisperUrl, method: "POST" }, target.to)
      else dial.sip({ url: whisperUrl, method: "POST" }, target.to)
      break
    }
    case "queue":
      response.enqueue({ action: actionUrl, method: "POST" }, target.to)
      break
    case "workflow":
      response
        .enqueue({ action: actionUrl, method: "POST", workflowSid: target.to })
        .task({}, clean(JSON.stringify(task)))
      break
    default:
      target.kind satisfies never
  }
  return response.toString()
}

/** Words to the person who takes the call, before the caller is on the line. */
export function whisperTwiml(text: string): string {
  const response = new VoiceResponse()
  if (text.trim() !== "") response.say(clean(text))
  return response.toString()
}
