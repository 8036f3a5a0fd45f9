/** Status reports of a call, and its end. Reports arrive late, twice and out of order. */

import type { Call, EndCause } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import { isTerminal, type CallStatus } from "../call/status.ts"
import type { StatusReport } from "../store/calls.ts"
import type { StatusWebhook } from "../twilio/webhooks.ts"
import { publish, type ControlContext } from "./context.ts"

/** Twilio closes the session of a call that is over; if not, this server does, after this time in milliseconds. */
const CLOSE_AFTER_END_MS = 5_000

export type CallReport = StatusReport & {
  status: CallStatus
  /** Why, for a call that ended, where the report gives a reason. */
  reason?: string | undefined
}

/** Applies a status report to the call. A stale one changes nothing. */
export function reportStatus(context: ControlContext, call: Call, report: CallReport): void {
  const { status, reason, ...details } = report
  if (!advance(context, call, status, details) || !isTerminal(status)) return
  recordCause(context, call, context.ending.get(call.id) ?? causeOf(status, reason))
  closeAfterEnd(context, call)
}

export type EndCall = EndCause &
  Partial<StatusReport> & {
    /** Default: `completed`. */
    status?: CallStatus
  }

/**
 * Ends the call in the store: who ended it and why, and its last status. The first end is final; a later one changes
 * nothing. `at` is now by default. Does not hang up.
 */
export function endCall(context: ControlContext, call: Call, end: EndCall): void {
  const { status = "completed", by, reason, at = context.sweep.clock.now(), ...details } = end
  recordCause(context, call, { by, reason })
  if (advance(context, call, status, { ...details, at })) closeAfterEnd(context, call)
}

function closeAfterEnd({ liveCalls, sweep }: ControlContext, call: Call): void {
  liveCalls.forget(call.id)
  const live = liveCalls.get(call.id)
  if (live) sweep.after(CLOSE_AFTER_END_MS, () => live.close(1000, "the call is over"))
}

/** Records who ended the call and why, before its last status is known. The first record is final. */
export function recordCause(context: ControlContext, call: Call, cause: EndCause): void {
  if (context.store.calls.end(call.id, cause)) publish(context, call, { type: "call.ended", ...cause })
}

/** Returns whether the status of the call has changed. */
function advance(context: ControlContext, call: Call, status: CallStatus, details: StatusReport): boolean {
  const result = context.store.calls.advanceStatus(call.id, status, details)
  if (!result?.changed) return false
  const { previous } = result
  publish(context, call, { type: "call.status-changed", status: result.call.status, previous })
  return true
}

/** A session of the call has opened, so the call is answered: of incoming calls Twilio reports that nowhere else. */
export function sessionOpened(context: ControlContext, callId: CallId, sessionId: string): void {
  const { store, sweep } = context
  store.calls.openSession(callId, sessionId)
  const call = store.calls.byId(callId)
  if (call) reportStatus(context, call, { status: "in-progress", at: sweep.clock.now() })
}

/** Applies a status callback of Twilio, and returns its call. One of an unknown call changes nothing. */
export function takeStatusCallback(
  context: ControlContext,
  {
    webhook,
    callId,
  }: {
    webhook: StatusWebhook
    /** Our id of a call that this server placed, as the address of the callback contains it. */
    callId: CallId | undefined
  },
): Call | undefined {
  const { store, sweep, log } = context
  const { callSid, callStatus, sipResponseCode } = webhook
  const bySid = store.calls.bySid(callSid)
  const placed = bySid || !callId ? undefined : store.calls.byId(callId)
  // A status may arrive before Twilio's answer to our request, which contains the SID.
  if (placed?.sid === null) store.calls.attachSid(placed.id, callSid)
  const call = store.calls.bySid(callSid)
  if (!call) {
    log.warn("status of an unknown call", { callSid, status: callStatus })
    return undefined
  }
  const isSipFailure = callStatus === "failed" && sipResponseCode !== null
  reportStatus(context, call, {
    status: callStatus,
    at: webhook.at ?? sweep.clock.now(),
    sequence: webhook.sequenceNumber ?? undefined,
    durationSeconds: webhook.durationSeconds ?? undefined,
    ...(isSipFailure ? { reason: `the call could not be connected (SIP ${sipResponseCode})` } : {}),
  })
  return call
}

/** Who ended a call of which only the last status is known. */
function causeOf(status: CallStatus, reason: string | undefined): EndCause {
  switch (status) {
    case "completed":
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
