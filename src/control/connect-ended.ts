/** What follows the end of a session: the end of the call, or the same conversation on a new socket. */

import { z } from "zod"
import type { Call, EndedBy } from "../call/call.ts"
import { isTerminal } from "../call/status.ts"
import { emptyTwiml, hangupTwiml, sayTwiml } from "../twilio/twiml.ts"
import type { ConnectEndedWebhook } from "../twilio/webhooks.ts"
import { ownNumberOf, type ControlContext } from "./context.ts"
import { relayInstructions } from "./relay-instructions.ts"
import { endCallRecord, reportStatus } from "./report-status.ts"

/** How often one call is taken up again after a lost socket. */
const MAX_RESUMES = 3

/** What we sent as `handoffData`; another program's text is no handoff of ours. */
const Handoff = z.object({ reasonCode: z.string(), reason: z.string().default("") })

const ENDED_BY: Record<string, EndedBy> = {
  "end-call": "agent",
  unresponsive: "silence",
  "time-limit": "limit",
  api: "api",
}

/** Returns TwiML. */
export function connectEnded(context: ControlContext, webhook: ConnectEndedWebhook): string {
  const { store, sweep, log } = context
  const call = store.calls.bySid(webhook.callSid)
  if (!call) {
    log.warn("the session of an unknown call ended", { callSid: webhook.callSid })
    return hangupTwiml()
  }
  const at = sweep.clock.now()
  const { sessionStatus, errorCode, errorMessage } = webhook
  log.info("session ended", { callSid: call.sid, sessionStatus, errorCode, errorMessage })
  if (isTerminal(webhook.callStatus) || sessionStatus === "completed") {
    const status = isTerminal(webhook.callStatus) ? webhook.callStatus : "completed"
    reportStatus(context, call, { status, at })
    return emptyTwiml()
  }
  if (isTerminal(call.status)) return hangupTwiml()
  reportStatus(context, call, { status: webhook.callStatus, at })
  if (sessionStatus === "failed") return resume(context, call, errorMessage ?? "the connection was lost")
  endCallRecord(context, call, endOf(webhook.handoffData))
  // Not every number is set up to report the end of its calls; after this answer it is certain.
  reportStatus(context, call, { status: "completed", at })
  return hangupTwiml()
}

/** The same conversation goes on, or, after too many losses, ends with a sentence. */
function resume(context: ControlContext, call: Call, reason: string): string {
  const { assets, store, sweep, log } = context
  const agent = assets.agentFor({ agent: call.agent, number: ownNumberOf(call) })
  const resumes = store.calls.countResume(call.id)
  if (resumes > MAX_RESUMES) {
    endCallRecord(context, call, {
      by: "system",
      reason: `the connection was lost ${resumes} times: ${reason}`,
    })
    reportStatus(context, call, { status: "completed", at: sweep.clock.now() })
    return sayTwiml({ text: agent.phrases.goodbye, then: "hangup" })
  }
  log.warn("conversation is taken up again", { callSid: call.sid, resumes, reason })
  // Without a session nobody has greeted the caller yet.
  const spokenTo = store.turns.of(call.id).length > 0
  const greeting = spokenTo ? "" : (call.firstMessage ?? agent.greeting)
  return relayInstructions(context, { call, agent, greeting })
}

function endOf(handoffData: string | null): { by: EndedBy; reason: string } {
  try {
    const { reasonCode, reason } = Handoff.parse(JSON.parse(handoffData ?? ""))
    return { by: ENDED_BY[reasonCode] ?? "agent", reason: reason || reasonCode }
  } catch {
    return { by: "agent", reason: "the session was ended" }
  }
}
