/** Asks Twilio what became of a call whose end no session and no status callback has reported. */

import type { Call, EndCause } from "../call/call.ts"
import type { CallId, CallSid } from "../call/ids.ts"
import { isTerminal } from "../call/status.ts"
import { messageOf } from "../lib/errors.ts"
import type { RemoteCall } from "../twilio/rest-objects.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import { CallAges } from "./call-ages.ts"
import type { ControlContext } from "./context.ts"
import { isNotFound } from "./hang-up.ts"
import { endCall, reportStatus } from "./report-status.ts"

/** After this time a placed call of which Twilio has reported nothing counts as failed. */
const LOST_AFTER_MS = 15 * 60_000
/** A call that Twilio does not know is over when nothing was said in it for so long. */
const ABANDONED_AFTER_MS = 30 * 60_000
/** How long after a hang-up Twilio may report the end of the call by itself. */
const STATUS_WAIT_MS = 5_000

/** Records the status that Twilio reports for a call. Never rejects. */
export async function reconcile(
  context: ControlContext,
  call: Call,
  ages = new CallAges(context.sweep.clock),
): Promise<void> {
  const { twilio, sweep, log } = context
  try {
    if (!call.sid) {
      if (ages.since(call.id, call.createdAt) < LOST_AFTER_MS) return
      const reason = "Twilio never confirmed that it was placed"
      return await endCall(context, call, { status: "failed", by: "system", reason })
    }
    const remote = await remoteCall(twilio, call.sid)
    if (!remote) return await endIfAbandoned(context, call, ages)
    const { status, durationSeconds, endedAt } = remote
    if (!isTerminal(status) && context.liveCalls.get(call.id)) return
    await reportStatus(context, call, {
      status,
      at: endedAt ?? sweep.clock.now(),
      ...(durationSeconds === null ? {} : { durationSeconds }),
    })
  } catch (error) {
    log.warn("call lookup at Twilio failed", { callSid: call.sid, error: messageOf(error) })
  }
}

/** Undefined where the account has no such call, and without an account. */
async function remoteCall(twilio: TwilioRest | undefined, sid: CallSid): Promise<RemoteCall | undefined> {
  try {
    return await twilio?.fetchCall(sid)
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/**
 * A call that Twilio does not know, such as a simulated one, may have its conversation in another process, which then
 * records what happens. It ended with its last record if there is none any more.
 */
async function endIfAbandoned(context: ControlContext, call: Call, ages: CallAges): Promise<void> {
  const { store, sweep, liveCalls } = context
  if (liveCalls.get(call.id) || call.transfer?.state === "started") return
  const turns = await store.turns.of(call.id)
  const dates = turns.map(({ startedAt, endedAt }) => endedAt ?? startedAt)
  const at = Math.max(call.createdAt, call.answeredAt ?? 0, ...dates)
  // The clock may have been set since; the age of the call is not changed by that.
  const quietMs = Math.min(sweep.clock.now() - at, ages.since(call.id, call.createdAt))
  if (quietMs < ABANDONED_AFTER_MS) return
  const reason = "its server ended, and Twilio does not know the call"
  await endCall(context, call, { by: "system", reason, at })
}

/**
 * A media stream reported that the caller hung up. Not every number is set up to report the end of its calls, so after
 * a while Twilio is asked; without an account nothing else will report that the call is over.
 */
export function callerLeft(context: ControlContext, callId: CallId): void {
  const { sweep, log } = context
  sweep.after(STATUS_WAIT_MS, () =>
    log.background("looking up the end of a call", lookUpEnd(context, callId)),
  )
}

async function lookUpEnd(context: ControlContext, callId: CallId): Promise<void> {
  const { store, liveCalls, slots, sweep, twilio } = context
  const call = await store.calls.byId(callId)
  if (!call || isTerminal(call.status) || liveCalls.get(callId)) return
  if (await slots.isReserved(callId, sweep.clock.monotonic())) return
  if (twilio) await reconcile(context, call)
  else await reportStatus(context, call, { status: "completed", at: sweep.clock.now() })
}

/**
 * The response to this request of Twilio's hangs up. A program that has given the call other instructions by REST causes
 * the same request, and Twilio then ignores the response: so the end is recorded when Twilio has confirmed it, and at
 * once where it cannot be asked. (Twilio: "Changes to Dial behavior", changelog of 24 May 2021.)
 */
export async function endOnceConfirmed(context: ControlContext, call: Call, cause: EndCause): Promise<void> {
  const { twilio, hangUpCauses, slots, sweep, log } = context
  if (!twilio || !call.sid) return endCall(context, call, cause)
  await slots.release(call.id)
  const removeCause = await hangUpCauses.note(call.id, cause)
  const confirm = async () => {
    await lookUpEnd(context, call.id)
    await removeCause()
  }
  sweep.after(STATUS_WAIT_MS, () => log.background("confirming the end of a call", confirm()))
}
