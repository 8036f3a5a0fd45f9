/** Status reports of a call, and its end. Reports arrive late, twice and out of order. */

import type { Call, EndCause } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import { isTerminal, type CallStatus } from "../call/status.ts"
import type { Advance, StatusReport } from "../store/calls.ts"
import type { StatusWebhook } from "../twilio/webhooks.ts"
import { agentOf, publish, type ControlContext } from "./context.ts"
import { followUpJobs } from "./follow-up-jobs.ts"

/** Twilio closes the session of a call that is over; if not, this server does, after this time in milliseconds. */
const CLOSE_AFTER_END_MS = 5_000

/** The end of a call whose transfer was answered. */
export const TRANSFERRED: EndCause = { by: "agent", reason: "transferred to a person" }

export type CallReport = StatusReport & {
  status: CallStatus
  /** Why, for a call that ended, where the report gives a reason. */
  reason?: string | undefined
}

/** Applies a status report to the call; resolves to whether the status changed. A stale one changes nothing. */
export async function reportStatus(
  context: ControlContext,
  call: Call,
  { status, reason, ...details }: CallReport,
): Promise<boolean> {
  if (!isTerminal(status)) {
    const result = await context.store.calls.advanceStatus(call.id, status, details)
    if (result?.changed) publishStatus(context, call, result)
    return result?.changed ?? false
  }
  const cause = (await context.hangUpCauses.of(call.id)) ?? causeOf(call, status, reason)
  const result = await storeEnd(context, call, { ...details, status, cause })
  if (!result) return false
  publishStatus(context, call, result)
  if (result.endNoted) publish(context, call, { type: "call.ended", ...cause })
  await closeAfterEnd(context, call)
  return true
}

export type EndCall = EndCause &
  Partial<Pick<StatusReport, "at">> & {
    /** Default: `completed`. */
    status?: CallStatus
  }

/**
 * Ends the call in the store: who ended it and why, its last status, and what follows, all at once. The first end is
 * final; a later one changes nothing. `at` is now by default. Does not hang up.
 */
export async function endCall(context: ControlContext, call: Call, end: EndCall): Promise<void> {
  const { status = "completed", by, reason, at = context.sweep.clock.now() } = end
  const cause = { by, reason }
  const result = await storeEnd(context, call, { status, at, cause })
  if (!result) return
  if (result.endNoted) publish(context, call, { type: "call.ended", ...cause })
  publishStatus(context, call, result)
  await closeAfterEnd(context, call)
}

/** Resolves to undefined where the call has ended before. */
async function storeEnd(
  context: ControlContext,
  call: Call,
  { status, cause, ...details }: Omit<StatusReport, "end"> & { status: CallStatus; cause: EndCause },
): Promise<Advance | undefined> {
  const { config, store, sweep } = context
  const followUps = followUpJobs({
    status,
    agent: agentOf(context, call),
    config,
    now: sweep.clock.now(),
    steadyNow: store.steadyNow(),
  })
  const result = await store.calls.advanceStatus(call.id, status, {
    ...details,
    end: { ...cause, followUps },
  })
  return result?.changed ? result : undefined
}

function publishStatus(context: ControlContext, call: Call, { call: { status }, previous }: Advance): void {
  publish(context, call, { type: "call.status-changed", status, previous })
}

async function closeAfterEnd({ slots, liveCalls, sweep }: ControlContext, call: Call): Promise<void> {
  await slots.release(call.id)
  const live = liveCalls.get(call.id)
  if (live) sweep.after(CLOSE_AFTER_END_MS, () => live.close(1000, "the call is over"))
}

/** Records who ended the call and why, before its last status is known. The first record is final. */
export async function recordCause(context: ControlContext, call: Call, cause: EndCause): Promise<void> {
  const isFirst = await context.store.calls.noteEnd(call.id, cause)
  if (isFirst) publish(context, call, { type: "call.ended", ...cause })
}

/** A session of the call has opened, so the call is answered: of incoming calls Twilio reports that nowhere else. */
export async function sessionOpened(
  context: ControlContext,
  callId: CallId,
  sessionId: string,
): Promise<void> {
  const { store, sweep } = context
  await store.calls.openSession(callId, sessionId)
  const call = await store.calls.byId(callId)
  if (!call) return
  // It may have ended while its session was being opened.
  if (isTerminal(call.status)) return closeAfterEnd(context, call)
  await reportStatus(context, call, { status: "in-progress", at: sweep.clock.now() })
}

export type ReceivedStatus = {
  webhook: StatusWebhook
  /** Our id of a call that this server placed, as the address of the callback contains it. */
  callId: CallId | undefined
}

/** `isCurrent`: the call has this status now; false for a late report. */
export type TakenStatus = { call: Call; status: CallStatus; isCurrent: boolean }

/** Applies a status callback of Twilio. One of an unknown call changes nothing, and resolves to undefined. */
export function takeStatusCallback(
  context: ControlContext,
  callback: ReceivedStatus,
): Promise<TakenStatus | undefined> {
  return context.callQueue.run(callback.webhook.callSid, () => applyCallback(context, callback))
}

async function applyCallback(
  context: ControlContext,
  { webhook, callId }: ReceivedStatus,
): Promise<TakenStatus | undefined> {
  const { store, sweep, log } = context
  const { callSid, callStatus, sipResponseCode } = webhook
  // A status may arrive before Twilio's answer to our request, which contains the SID.
  const call =
    (await store.calls.bySid(callSid)) ?? (callId && (await store.calls.attachSid(callId, callSid)))
  if (!call) {
    log.warn("status of an unknown call", { callSid, status: callStatus })
    return undefined
  }
  const isSipFailure = callStatus === "failed" && sipResponseCode !== null
  const changed = await reportStatus(context, call, {
    status: callStatus,
    at: webhook.at ?? sweep.clock.now(),
    sequence: webhook.sequenceNumber ?? undefined,
    durationSeconds: webhook.durationSeconds ?? undefined,
    ...(isSipFailure ? { reason: `the call could not be connected (SIP ${sipResponseCode})` } : {}),
  })
  return { call, status: callStatus, isCurrent: changed || call.status === callStatus }
}

/** Who ended a call of which only the last status is known. */
function causeOf({ direction, transfer }: Call, status: CallStatus, reason: string | undefined): EndCause {
  // Only the caller can give up an incoming call before it is answered.
  const isUnanswered = status === "no-answer" || status === "canceled"
  if (direction === "inbound" && isUnanswered) {
    return { by: "caller", reason: reason ?? "the caller hung up before the call was answered" }
  }
  switch (status) {
    case "completed":
      if (transfer?.state === "finished") return TRANSFERRED
      return { by: "caller", reason: reason ?? "the caller hung up" }
    case "busy":
      return { by: "system", reason: reason ?? "the line was busy" }
    case "no-answer":
      return { by: "system", reason: reason ?? "nobody answered" }
    case "canceled":
      return { by: "system", reason: reason ?? "canceled before it was answered" }
    case "failed":
    case "queued":
    case "initiated":
    case "ringing":
    case "in-progress":
      return { by: "system", reason: reason ?? "the call could not be connected" }
    default:
      return status satisfies never
  }
}
