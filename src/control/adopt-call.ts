/** Calls that the TwiML of another application connects to this server. They have no socket token. */

import type { Call, Parameters } from "../call/call.ts"
import { newCallId, type CallSid } from "../call/ids.ts"
import { isTerminal } from "../call/status.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import type { RemoteCall } from "../twilio/rest-objects.ts"
import { createInbound } from "./answer-call.ts"
import type { ControlContext } from "./context.ts"
import { reportStatus } from "./report-status.ts"

/** The limit of the REST API. */
const MAX_PARAMETERS = 100

export type ForeignSetup = { callSid: CallSid; parameters: Parameters }

/**
 * The call of a setup without a token, for the one session that is to open now; undefined when there is no such call to
 * be had. A call that is not known is asked for at Twilio; unless the socket is still wanted then, none is made. Rejects
 * with UNAVAILABLE where no further call can be accepted.
 */
export async function adoptCall(
  context: ControlContext,
  setup: ForeignSetup,
  isWanted: () => boolean,
): Promise<Call | undefined> {
  const known = await context.store.calls.bySid(setup.callSid)
  if (known) return takeKnown(context, known, setup.callSid)
  const remote = await runningAtTwilio(context, setup.callSid)
  return remote && isWanted() ? takeNew(context, setup, remote) : undefined
}

async function runningAtTwilio(
  { twilio, log }: ControlContext,
  callSid: CallSid,
): Promise<RemoteCall | undefined> {
  if (!twilio) return undefined
  try {
    const remote = await twilio.fetchCall(callSid)
    return remote.status === "ringing" || remote.status === "in-progress" ? remote : undefined
  } catch (error) {
    log.warn("Twilio did not confirm a call", { callSid, error: messageOf(error) })
    return undefined
  }
}

/**
 * Undefined for a call that has ended, is being transferred, has a session, or has a token that its session must present;
 * also for one that Twilio does not confirm. The signature of a fixed address is the same for every call, so that it
 * proves nothing about this one.
 */
async function takeKnown(context: ControlContext, call: Call, sid: CallSid): Promise<Call | undefined> {
  const { slots, config, sweep, twilio } = context
  if (isTerminal(call.status) || call.transfer?.state === "started") return undefined
  const now = sweep.clock.monotonic()
  if (!(await slots.reserveUnused(call.id, { now, until: now + config.times.setupMs }))) return undefined
  const isRunning = twilio
    ? (await runningAtTwilio(context, sid)) !== undefined
    : call.status === "ringing" || call.status === "in-progress"
  if (isRunning) return call
  await slots.release(call.id)
  return undefined
}

async function takeNew(
  context: ControlContext,
  { callSid, parameters }: ForeignSetup,
  { from, to, direction, status }: RemoteCall,
): Promise<Call | undefined> {
  const { store, slots, config, sweep } = context
  if (context.draining()) throw new AppError("UNAVAILABLE", "The server is shutting down.")
  const id = newCallId()
  const now = sweep.clock.monotonic()
  const most = config.limits.maxConcurrentCalls
  if (!(await slots.reserve(id, { now, until: now + config.times.setupMs, most }))) {
    throw new AppError("UNAVAILABLE", "The server is at capacity.")
  }
  const { call, created } = await createInbound(context, {
    id,
    webhook: { callSid, direction, from, to },
    parameters: Object.fromEntries(Object.entries(parameters).slice(0, MAX_PARAMETERS)),
    // The greeting of the other application is unknown here.
    firstMessage: "",
  })
  if (!created) {
    // Another socket may have opened with the same call while Twilio answered.
    await slots.release(id)
    return takeKnown(context, call, callSid)
  }
  await reportStatus(context, call, { status, at: sweep.clock.now() })
  return store.calls.byId(id)
}
