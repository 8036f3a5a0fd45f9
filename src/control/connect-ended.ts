/** What follows the end of a session: the end of the call, or the same conversation on a new socket. */

import { z } from "zod"
import type { Call, EndedBy } from "../call/call.ts"
import type { NextStep } from "../call/next-step.ts"
import { isTerminal } from "../call/status.ts"
import type { ConnectEndedWebhook } from "../twilio/webhooks.ts"
import { agentOf, type CallEnd, type ControlContext } from "./context.ts"
import { connectToEngine } from "./connect.ts"
import { endCallRecord, reportStatus } from "./report-status.ts"
import { beginTransfer } from "./transfer.ts"

/** How often one call is taken up again after a lost socket. */
const MAX_RESUMES = 3

/** What we sent as `handoffData`; another program's text is no handoff of ours. */
const Handoff = z.object({
  reasonCode: z.string(),
  reason: z.string().default(""),
  transferTo: z.string().optional(),
})
type Handoff = z.infer<typeof Handoff>
const MAX_REASON = 500

const ENDED_BY: ReadonlyMap<string, EndedBy> = new Map([
  ["end-call", "agent"],
  ["unresponsive", "silence"],
  ["time-limit", "limit"],
  ["api", "api"],
])

export function connectEnded(context: ControlContext, webhook: ConnectEndedWebhook): NextStep {
  const { store, sweep, log } = context
  const call = store.calls.bySid(webhook.callSid)
  if (!call) {
    log.warn("the session of an unknown call ended", { callSid: webhook.callSid })
    return { kind: "hang-up" }
  }
  const at = sweep.clock.now()
  const { sessionStatus, errorCode, errorMessage } = webhook
  log.info("session ended", { callSid: call.sid, sessionStatus, errorCode, errorMessage })
  if (isTerminal(webhook.callStatus) || sessionStatus === "completed") {
    const status = isTerminal(webhook.callStatus) ? webhook.callStatus : "completed"
    reportStatus(context, call, { status, at })
    return { kind: "nothing" }
  }
  if (isTerminal(call.status)) return { kind: "hang-up" }
  reportStatus(context, call, { status: webhook.callStatus, at })
  // Data of an `end` frame comes only where a session was ended on purpose.
  const lost = sessionStatus === "failed" && webhook.handoffData === null
  if (lost) return resume(context, call, errorMessage ?? "the connection was lost")
  const handoff = handoffOf(webhook.handoffData)
  if (handoff?.reasonCode === "live-agent-handoff") {
    return beginTransfer(context, call, { summary: handoff.reason, to: handoff.transferTo })
  }
  return endCallAs(context, call, handoff)
}

/** The call is over, as the conversation has told. */
export function endCallAs(context: ControlContext, call: Call, handoff: Handoff | undefined): NextStep {
  endCallRecord(context, call, endOf(handoff))
  // Not every number is set up to report the end of its calls; after this answer it is certain.
  reportStatus(context, call, { status: "completed", at: context.sweep.clock.now() })
  return { kind: "hang-up" }
}

/** The same conversation goes on, or, after too many losses, ends with a sentence. */
export function resume(context: ControlContext, call: Call, reason: string): NextStep {
  const { store, sweep, log } = context
  const agent = agentOf(context, call)
  if (call.resumes >= MAX_RESUMES) {
    const times = call.resumes + 1
    endCallRecord(context, call, {
      by: "system",
      reason: `the connection was lost ${times} times: ${reason}`,
    })
    reportStatus(context, call, { status: "completed", at: sweep.clock.now() })
    return { kind: "say", text: agent.phrases.goodbye, then: { kind: "hang-up" } }
  }
  const resumes = store.calls.countResume(call.id)
  log.warn("conversation is taken up again", { callSid: call.sid, resumes, reason })
  return connectToEngine(context, { call: { ...call, resumes }, agent })
}

function handoffOf(handoffData: string | null): Handoff | undefined {
  try {
    return Handoff.parse(JSON.parse(handoffData ?? ""))
  } catch {
    return undefined
  }
}

function endOf(handoff: Handoff | undefined): CallEnd {
  if (!handoff) return { by: "agent", reason: "the session was ended" }
  const { reasonCode, reason } = handoff
  return { by: ENDED_BY.get(reasonCode) ?? "agent", reason: (reason || reasonCode).slice(0, MAX_REASON) }
}
