/** Hands a caller to a person: dials, tells the person what it is about, and takes the caller back when nobody answers. */

import type { Agent } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import type { NextStep } from "../call/next-step.ts"
import { TransferTarget } from "../call/transfer-target.ts"
import { isTerminal } from "../call/status.ts"
import { isE164 } from "../lib/e164.ts"
import { AppError } from "../lib/errors.ts"
import type { TransferEndedWebhook } from "../twilio/webhooks.ts"
import { connectToEngine } from "./connect.ts"
import { agentOf, ownNumberOf, publish, type ControlContext } from "./context.ts"
import { endCallRecord, reportStatus } from "./report-status.ts"

/** A whisper of more than this would keep the caller waiting; in characters. */
const MAX_WHISPER = 500

export type Transfer = {
  /** What the conversation was about, for the person who takes over. */
  summary: string
  /** In place of the agent's target. */
  to?: string | undefined
}

/**
 * Begins the transfer. Without a target the caller hears that nobody answered, and the conversation continues.
 */
export function beginTransfer(context: ControlContext, call: Call, { summary, to }: Transfer): NextStep {
  const agent = agentOf(context, call)
  const parsed = TransferTarget.safeParse(to ?? agent.transfer.to ?? context.config.transferTo ?? "")
  if (!parsed.success) {
    context.log.error("a call was to be transferred, but no target is configured", {
      callSid: call.sid,
      agent: agent.key,
    })
    publish(context, call, { type: "transfer.failed", reason: "no target is configured" })
    return takeBack(context, call, agent)
  }
  const target = parsed.data
  publish(context, call, { type: "transfer.started", kind: target.kind, to: target.to, summary })
  context.log.info("call is transferred", { callSid: call.sid, kind: target.kind })
  const url = context.publicUrl()
  const transfer: NextStep = {
    kind: "transfer",
    target,
    // Another address for each transfer: the same one could get the same signature, and a signature counts once.
    actionUrl: `${url}/twilio/transfer-ended?at=${context.sweep.clock.now()}`,
    whisperUrl: `${url}/twilio/whisper?call=${call.id}`,
    timeoutSeconds: agent.transfer.timeoutSeconds,
    callerId: agent.transfer.callerId ?? callerIdOf(call),
    task: { reason: "live-agent-handoff", summary, callSid: call.sid ?? "", from: call.from, to: call.to },
  }
  return { kind: "say", text: agent.phrases.transferring, then: transfer }
}

/** Twilio shows the caller's number by itself; where there is none that may be shown, ours stands in. */
function callerIdOf(call: Call): string | undefined {
  return call.direction === "inbound" && isE164(call.from) ? undefined : ownNumberOf(call)
}

/** What the person hears before the caller is on the line. */
export function whisper(context: ControlContext, call: Call): NextStep {
  const started = context.store.events.lastOf(call.id, "transfer.started")
  const summary = started?.event.type === "transfer.started" ? started.event.summary : ""
  const text =
    summary.trim() === "" ? "A caller is transferred to you." : `A caller is transferred to you. ${summary}`
  return { kind: "say", text: text.slice(0, MAX_WHISPER), then: { kind: "nothing" } }
}

/** What follows a transfer for the caller: the end of the call, or the agent again. */
export function transferEnded(context: ControlContext, webhook: TransferEndedWebhook): NextStep {
  const { store, sweep } = context
  const call = store.calls.bySid(webhook.callSid)
  if (!call) return { kind: "hang-up" }
  const at = sweep.clock.now()
  if (isTerminal(webhook.callStatus)) {
    if (webhook.connected) publish(context, call, { type: "transfer.finished", result: webhook.result })
    endCallRecord(context, call, { by: "caller", reason: "hung up after a transfer" })
    reportStatus(context, call, { status: webhook.callStatus, at })
    return { kind: "nothing" }
  }
  if (isTerminal(call.status)) return { kind: "hang-up" }
  if (webhook.connected) {
    publish(context, call, { type: "transfer.finished", result: webhook.result })
    endCallRecord(context, call, { by: "agent", reason: "transferred to a person" })
    reportStatus(context, call, { status: "completed", at })
    return { kind: "hang-up" }
  }
  publish(context, call, { type: "transfer.failed", reason: webhook.result })
  return takeBack(context, call, agentOf(context, call))
}

/** Nobody took the call: the agent goes on, or says goodbye where the agent's rule says so. */
function takeBack(context: ControlContext, call: Call, agent: Agent): NextStep {
  if (agent.transfer.onFailure === "goodbye") {
    endCallRecord(context, call, { by: "agent", reason: "nobody answered the transfer" })
    reportStatus(context, call, { status: "completed", at: context.sweep.clock.now() })
    return { kind: "say", text: agent.phrases.transferFailed, then: { kind: "hang-up" } }
  }
  return connectToEngine(context, { call, agent })
}

/** Throws INVALID_REQUEST for a target that is none, or for none at all. */
export function requireTarget({ config }: ControlContext, agent: Agent, to: string | undefined): void {
  const parsed = TransferTarget.safeParse(to ?? agent.transfer.to ?? config.transferTo ?? "")
  if (parsed.success) return
  const [issue] = parsed.error.issues
  throw new AppError("INVALID_REQUEST", `The transfer target ${issue?.message ?? "is invalid"}`)
}
