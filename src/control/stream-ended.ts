/** What follows the end of a media stream: the next engine, a person, the end, or the same conversation again. */

import { TransferTarget } from "../call/transfer-target.ts"
import type { Agent } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import type { NextStep } from "../call/next-step.ts"
import { isTerminal } from "../call/status.ts"
import type { StreamEndedWebhook } from "../twilio/webhooks.ts"
import { connectToEngine } from "./connect.ts"
import { endCallAs, resume } from "./connect-ended.ts"
import { agentOf, type ControlContext } from "./context.ts"
import { endCallRecord, reportStatus } from "./report-status.ts"
import { beginTransfer } from "./transfer.ts"
import { reconcile } from "./watch-calls.ts"

/** The reason code of a conversation whose speech-to-speech model is gone for good. */
export const MODEL_FAILED = "model-failed"
/** The same, where the key was refused, which a text model of the same provider shares. */
export const MODEL_REFUSED = "model-refused"

/** How long after a hang-up the end of the call may be told by Twilio itself, in milliseconds. */
const STATUS_PATIENCE_MS = 5_000

export function streamEnded(context: ControlContext, webhook: StreamEndedWebhook): NextStep {
  const { store, sweep, log } = context
  const call = store.calls.bySid(webhook.callSid)
  if (!call) {
    log.warn("the stream of an unknown call ended", { callSid: webhook.callSid })
    return { kind: "hang-up" }
  }
  const at = sweep.clock.now()
  if (isTerminal(webhook.callStatus)) {
    reportStatus(context, call, { status: webhook.callStatus, at })
    return { kind: "nothing" }
  }
  if (isTerminal(call.status)) return { kind: "hang-up" }
  reportStatus(context, call, { status: webhook.callStatus, at })
  const last = store.events.lastOf(call.id, "session.handed-over", "session.opened")?.event
  if (last?.type !== "session.handed-over") return resume(context, call, "the stream was lost")
  const { reasonCode, reason, transferTo } = last
  log.info("stream ended", { callSid: call.sid, reasonCode })
  if (reasonCode === "live-agent-handoff") {
    return beginTransfer(context, call, { summary: reason, to: transferTo })
  }
  if (reasonCode === MODEL_FAILED || reasonCode === MODEL_REFUSED) {
    return fallBack(context, call, reasonCode)
  }
  return endCallAs(context, call, { reasonCode, reason })
}

/**
 * The caller has hung up, as the stream tells. Not every number is set up to report the end of its calls, so after a
 * while Twilio is asked; without an account nobody else will say that the call is over.
 */
export function callerLeft(context: ControlContext, callId: CallId): void {
  const { store, liveCalls, sweep, twilio, log } = context
  sweep.after(STATUS_PATIENCE_MS, () => {
    const call = store.calls.byId(callId)
    const now = sweep.clock.now()
    if (!call || isTerminal(call.status) || liveCalls.get(callId) || liveCalls.expects(callId, now)) return
    if (twilio) return log.background("asking Twilio about a call", reconcile(context, call))
    reportStatus(context, call, { status: "completed", at: now })
  })
}

/** The same conversation on the relay; where no text model is usable either, a person or a goodbye. */
function fallBack(context: ControlContext, call: Call, reasonCode: string): NextStep {
  const agent = agentOf(context, call)
  if (isTextModelUsable(context, agent, reasonCode)) {
    context.log.warn("call moves down to the relay", { callSid: call.sid })
    return connectToEngine(context, { call: moved(context, call), agent })
  }
  const target = agent.transfer.to ?? context.config.transferTo ?? ""
  if (TransferTarget.safeParse(target).success) {
    return beginTransfer(context, call, { summary: "The assistant had a technical problem." })
  }
  endCallRecord(context, call, { by: "system", reason: "no model could be reached" })
  reportStatus(context, call, { status: "completed", at: context.sweep.clock.now() })
  return { kind: "say", text: agent.phrases.goodbye, then: { kind: "hang-up" } }
}

function moved({ store }: ControlContext, call: Call): Call {
  store.calls.setEngine(call.id, "relay")
  return { ...call, engine: "relay" }
}

function isTextModelUsable({ config }: ControlContext, { model }: Agent, reasonCode: string): boolean {
  const provider = model.provider === "auto" ? config.modelProvider : model.provider
  switch (provider) {
    case "demo":
      return true
    case "flowise":
      return config.flowise.baseUrl !== undefined
    case "openai-compatible":
      return (model.baseUrl ?? config.openai.baseUrl) !== undefined
    case "openai":
    case "auto": {
      // The same key that the speech-to-speech model has just refused.
      const shared = config.realtimeProvider === "openai" && model.baseUrl === undefined
      return reasonCode !== MODEL_REFUSED || !shared
    }
    default:
      return provider satisfies never
  }
}
