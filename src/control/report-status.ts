/** What a report of a call's status changes. Reports come late, twice and out of order. */

import type { Call } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import { isTerminal, type CallStatus } from "../call/status.ts"
import { publish, type CallEnd, type ControlContext } from "./context.ts"

/** A session whose call is over is closed by Twilio; if not, by us after this time, in milliseconds. */
const CLOSE_AFTER_END_MS = 5_000

export type StatusReport = {
  status: CallStatus
  /** Milliseconds since the epoch. */
  at: number
  sequence?: number | undefined
  durationSeconds?: number | undefined
  /** Why, where the report tells; for a call that ended. */
  reason?: string | undefined
}

/** Takes the report into the call's record. A stale one changes nothing. */
export function reportStatus(context: ControlContext, call: Call, report: StatusReport): void {
  const { store, liveCalls, sweep } = context
  const { status, at, sequence, durationSeconds } = report
  const result = store.calls.advanceStatus(call.id, status, { sequence, at, durationSeconds })
  if (!result?.changed) return
  publish(context, call, {
    type: "call.status-changed",
    status: result.call.status,
    previous: result.previous,
  })
  if (!isTerminal(result.call.status)) return
  liveCalls.forget(call.id)
  endCallRecord(context, call, context.ending.get(call.id) ?? endOf(result.call.status, report.reason))
  const live = liveCalls.get(call.id)
  if (live) sweep.after(CLOSE_AFTER_END_MS, () => live.close(1000, "the call is over"))
}

/** A socket of the call is open, so the call is answered: of incoming calls Twilio reports that nowhere else. */
export function sessionOpened(context: ControlContext, callId: CallId, sessionId: string): void {
  const { store, sweep } = context
  store.calls.setSession(callId, sessionId)
  const call = store.calls.byId(callId)
  if (call) reportStatus(context, call, { status: "in-progress", at: sweep.clock.now() })
}

/** Notes who ended the call and why; the first note stays. */
export function endCallRecord(context: ControlContext, call: Call, end: CallEnd): void {
  if (context.store.calls.end(call.id, end)) publish(context, call, { type: "call.ended", ...end })
}

/** Who ended a call of which only the last status is known. */
function endOf(status: CallStatus, reason: string | undefined): CallEnd {
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
