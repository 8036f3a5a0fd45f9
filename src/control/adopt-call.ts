/** Calls that the TwiML of another application connects to this server. They have no socket token. */

import type { Call, Parameters } from "../call/call.ts"
import type { CallSid } from "../call/ids.ts"
import { isTerminal } from "../call/status.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import type { RemoteCall } from "../twilio/rest.ts"
import { createInbound } from "./answer-call.ts"
import type { ControlContext } from "./context.ts"
import { reportStatus } from "./report-status.ts"

/** The limit of the REST API. */
const MAX_PARAMETERS = 100

export type ForeignSetup = { callSid: CallSid; parameters: Parameters }

/** Assigns the call to the session that opens now; undefined when there is no such call, or it has a session. */
export type TakeCall = () => Call | undefined

/**
 * Checks whether the call of a setup without a token exists: in the store, else at Twilio. Never rejects.
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

/** Undefined for a call that has a session, or a token that its session must present. */
function takeKnown({ store, liveCalls, sweep }: ControlContext, callSid: CallSid): Call | undefined {
  const call = store.calls.bySid(callSid)
  if (!call || isTerminal(call.status)) return undefined
  const taken = liveCalls.get(call.id) !== undefined || liveCalls.expects(call.id, sweep.clock.now())
  return taken ? undefined : call
}

/** Throws UNAVAILABLE at capacity and during shutdown. */
function takeNew(
  context: ControlContext,
  { callSid, parameters }: ForeignSetup,
  { from, to, direction, status }: RemoteCall,
): Call | undefined {
  const { store, liveCalls, config, sweep } = context
  const now = sweep.clock.now()
  if (context.draining()) throw new AppError("UNAVAILABLE", "The server is shutting down.")
  if (liveCalls.taken(now) >= config.limits.maxConcurrentCalls) {
    throw new AppError("UNAVAILABLE", "The server is at capacity.")
  }
  // Another socket may have opened with the same call while Twilio answered.
  if (store.calls.bySid(callSid)) return takeKnown(context, callSid)
  const call = createInbound(context, {
    webhook: { callSid, direction, from, to },
    parameters: Object.fromEntries(Object.entries(parameters).slice(0, MAX_PARAMETERS)),
    // The greeting of the other application is unknown here.
    firstMessage: "",
  })
  reportStatus(context, call, { status, at: now })
  return store.calls.byId(call.id)
}
