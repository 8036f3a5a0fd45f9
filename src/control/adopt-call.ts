/** Calls that another application connected to our socket: its TwiML has no token of ours. */

import type { Call, Parameters } from "../call/call.ts"
import type { CallSid } from "../call/ids.ts"
import { isTerminal } from "../call/status.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import type { RemoteCall } from "../twilio/rest.ts"
import { createInbound } from "./answer-call.ts"
import type { ControlContext } from "./context.ts"
import { reportStatus } from "./report-status.ts"

/** As many as the REST API takes. */
const MAX_PARAMETERS = 100

export type ForeignSetup = { callSid: CallSid; parameters: Parameters }

/** Takes the call for one session, at the moment that session opens; undefined when there is no such call to be had. */
export type TakeCall = () => Call | undefined

/**
 * Finds out whether the call of a setup without a token is real. One that is not known is asked for at Twilio. Never
 * rejects.
 */
export async function findForeignCall(context: ControlContext, setup: ForeignSetup): Promise<TakeCall> {
  const { store, twilio, log } = context
  const { callSid } = setup
  if (store.calls.bySid(callSid)) return () => takeKnown(context, callSid)
  if (!twilio) return () => undefined
  try {
    const remote = await twilio.fetchCall(callSid)
    const runs = remote.status === "ringing" || remote.status === "in-progress"
    return () => (runs ? takeNew(context, setup, remote) : undefined)
  } catch (error) {
    log.warn("Twilio did not confirm a call", { callSid, error: messageOf(error) })
    return () => undefined
  }
}

/** A call with a session has one already; one that was given a token must bring it. */
function takeKnown({ store, liveCalls, sweep }: ControlContext, callSid: CallSid): Call | undefined {
  const call = store.calls.bySid(callSid)
  if (!call || isTerminal(call.status)) return undefined
  const taken = liveCalls.get(call.id) !== undefined || liveCalls.expects(call.id, sweep.clock.now())
  return taken ? undefined : call
}

/** Throws UNAVAILABLE where no further call can be taken. */
function takeNew(
  context: ControlContext,
  { callSid, parameters }: ForeignSetup,
  { from, to, direction, status }: RemoteCall,
): Call | undefined {
  const { store, liveCalls, config, sweep } = context
  const now = sweep.clock.now()
  if (context.draining()) throw new AppError("UNAVAILABLE", "The server is shutting down.")
  if (liveCalls.taken(now) >= config.limits.maxConcurrentCalls) {
    throw new AppError("UNAVAILABLE", "Every line is taken.")
  }
  // Twilio's answer took its time: meanwhile another socket may have brought the same call.
  if (store.calls.bySid(callSid)) return takeKnown(context, callSid)
  const call = createInbound(context, {
    webhook: { callSid, direction, from, to },
    parameters: Object.fromEntries(Object.entries(parameters).slice(0, MAX_PARAMETERS)),
    // The other application's greeting is not known here.
    firstMessage: "",
  })
  reportStatus(context, call, { status, at: now })
  return store.calls.byId(call.id)
}
