/** The end of a session, whatever the engine: records why it ended, and decides what the call does next. */

import type { Call, EndedBy } from "../call/call.ts"
import type { CallSid } from "../call/ids.ts"
import type { NextStep } from "../call/next-step.ts"
import { decodeHandoffData, limitLength, type SessionEnd } from "../call/session-end.ts"
import { isTerminal, type CallStatus } from "../call/status.ts"
import type { ConnectEndedWebhook, StreamEndedWebhook } from "../twilio/webhooks.ts"
import { connectToEngine, isLatest, reconnectLater, type ConnectionAddress } from "./connect.ts"
import { agentOf, publish, type ControlContext } from "./context.ts"
import { fallBack } from "./fall-back.ts"
import { isSpeechError } from "./other-provider.ts"
import { endOnceConfirmed } from "./reconcile.ts"
import { endCall, reportStatus } from "./report-status.ts"
import { beginTransfer } from "./transfer.ts"

/** How often one call is resumed after a lost socket. */
const MAX_RESUMES = 3

const ENDED_BY: Readonly<Record<"agent-ended" | "silence" | "time-limit" | "api", EndedBy>> = {
  "agent-ended": "agent",
  silence: "silence",
  "time-limit": "limit",
  api: "api",
}

/**
 * Records why a session ended, and resolves to that as it was recorded. With `sessionId`, the end of a session that a later
 * one has replaced changes nothing.
 */
export async function recordSessionEnd(
  context: ControlContext,
  call: Call,
  { end, sessionId }: { end: SessionEnd; sessionId?: string },
): Promise<SessionEnd> {
  const limited = limitLength(end)
  const isRecorded = await context.store.calls.endSession(call.id, { end: limited, sessionId })
  if (isRecorded) publish(context, call, { type: "session.ended", ...limited })
  return limited
}

/** What follows a session of ConversationRelay, which brings the reason of its end with it. */
export function relayEnded(
  context: ControlContext,
  webhook: ConnectEndedWebhook,
  address: ConnectionAddress = {},
): Promise<NextStep> {
  const { callSid, sessionStatus, callStatus, handoffData, errorCode, errorMessage } = webhook
  context.log.info("relay session ended", { callSid, sessionStatus, errorCode, errorMessage })
  // Only a session that was ended on purpose has data of an `end` frame.
  const isLost = sessionStatus === "failed" && handoffData === null
  const end: SessionEnd = isLost
    ? { reason: "lost", detail: errorMessage ?? "the connection was lost" }
    : decodeHandoffData(handoffData)
  const isOver = sessionStatus === "completed" && !isTerminal(callStatus)
  const request = { callSid, callStatus: isOver ? "completed" : callStatus, address } as const
  return ifCallContinues(context, request, async function next(call) {
    const recorded = await recordSessionEnd(context, call, { end })
    if (isLost || handoffData !== null) return nextStepAfter(context, call, recorded, errorCode)
    // No `end` frame of ours: another program may have moved the call by REST.
    await endOnceConfirmed(context, call, { by: "agent", reason: "the session was ended" })
    return { kind: "hang-up" }
  })
}

/** What follows a media stream, whose session has recorded the reason of its end, unless its socket was lost. */
export function streamEnded(
  context: ControlContext,
  webhook: StreamEndedWebhook,
  address: ConnectionAddress = {},
): Promise<NextStep> {
  return ifCallContinues(context, { ...webhook, address }, async (call) => {
    const end: SessionEnd = { reason: "lost", detail: "the stream was lost" }
    return nextStepAfter(context, call, call.sessionEnd ?? (await recordSessionEnd(context, call, { end })))
  })
}

/**
 * Connects a call that the previous process left to this one while it shut down, or that was asked to try again. An
 * address with a mark repeats a step that follows a session: if the end of that session was recorded, it decides.
 */
export function reconnect(
  context: ControlContext,
  webhook: StreamEndedWebhook,
  address: ConnectionAddress = {},
): Promise<NextStep> {
  return ifCallContinues(context, { ...webhook, address }, (call) =>
    address.mark !== undefined && call.sessionEnd
      ? nextStepAfter(context, call, call.sessionEnd)
      : connectToEngine(context, { call, agent: agentOf(context, call) }),
  )
}

/**
 * Updates the status of the call first: without one that continues, no end of a session matters. An address of an
 * earlier connection changes nothing.
 */
function ifCallContinues(
  context: ControlContext,
  { callSid, callStatus, address }: { callSid: CallSid; callStatus: CallStatus; address: ConnectionAddress },
  next: (call: Call) => Promise<NextStep>,
): Promise<NextStep> {
  const { store, sweep, log, callQueue, moving, liveCalls } = context
  return callQueue.run(callSid, async function nextStep() {
    const call = await store.calls.bySid(callSid)
    if (!call) {
      log.warn("session ended of an unknown call", { callSid })
      return { kind: "hang-up" }
    }
    try {
      const isOver = isTerminal(callStatus)
      if (!isOver && isTerminal(call.status)) return { kind: "hang-up" }
      if (!(await isLatest(context, call, address))) {
        log.warn("the address of an earlier connection was requested", { callSid })
        return isOver ? { kind: "nothing" } : reconnectLater(context, call, 0)
      }
      liveCalls.giveUp(call.id)
      await reportStatus(context, call, { status: callStatus, at: sweep.clock.now() })
      return isOver ? { kind: "nothing" } : await next(call)
    } finally {
      moving.delete(call.id)
    }
  })
}

/** What the call does next after a session that ended for this reason. `errorCode`: Twilio's, of a session that was lost. */
export async function nextStepAfter(
  context: ControlContext,
  call: Call,
  end: SessionEnd,
  errorCode: string | null = null,
): Promise<NextStep> {
  switch (end.reason) {
    case "transfer":
      return beginTransfer(context, call, end)
    case "model-failed":
    case "model-refused":
      return fallBack(context, call, end)
    case "lost":
      return resume(context, call, { reason: end.detail, errorCode })
    case "agent-ended":
    case "silence":
    case "time-limit":
    case "api":
      // Not every number is set up to report the end of its calls; after this step the end is certain.
      await endCall(context, call, { by: ENDED_BY[end.reason], reason: end.detail })
      return { kind: "hang-up" }
    default:
      return end satisfies never
  }
}

/** Continues the same conversation on a new socket or, after too many losses, ends the call with a sentence. */
async function resume(
  context: ControlContext,
  call: Call,
  { reason, errorCode }: { reason: string; errorCode: string | null },
): Promise<NextStep> {
  const { store, log } = context
  const agent = agentOf(context, call)
  const resumes = await store.calls.resume(call.id, MAX_RESUMES)
  if (resumes === undefined) {
    const times = MAX_RESUMES + 1
    await endCall(context, call, {
      by: "system",
      reason: `the connection was lost ${times} times: ${reason}`,
    })
    return { kind: "say", text: agent.phrases.goodbye, then: { kind: "hang-up" } }
  }
  if (context.draining()) log.info("conversation is left to the next process", { callSid: call.sid, resumes })
  else log.warn("conversation resumed on a new socket", { callSid: call.sid, resumes, reason })
  // The provider that failed is left out for the rest of the call.
  const speechErrors = isSpeechError(errorCode)
    ? await store.calls.addSpeechError(call.id, errorCode)
    : call.speechErrors
  const resumed = { ...call, resumes, speechErrors }
  return connectToEngine(context, { call: resumed, agent: agentOf(context, resumed) })
}
