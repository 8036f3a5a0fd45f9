/** A request to place a call whose idempotency key was used before: returns the same call, and never dials it twice. */

import type { Call } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import { isTerminal } from "../call/status.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import type { ControlContext } from "./context.ts"
import { dial, dialLeaseMs, findPlaced, recordOf, type DialRequest } from "./dial-call.ts"
import { RepeatedRefusal, requireSame, type PlacedCall } from "./placements.ts"

/** When a request is to be repeated that cannot be answered yet, in seconds. */
const REPEAT_AFTER_SECONDS = 5

export type Repetition = {
  twilio: TwilioRest
  /** The call of the first request with this key. */
  earlier: { call: Call; requestHash: string | null }
  request: DialRequest & { requestHash: string }
}

/** A request whose key was used before: its call, looked up at Twilio where the answer was lost. */
export async function repeatPlacement(
  context: ControlContext,
  { twilio, earlier, request }: Repetition,
): Promise<PlacedCall> {
  const { store } = context
  requireSame(earlier.requestHash, request.requestHash)
  const { id } = earlier.call
  if (earlier.call.sid !== null) return { call: earlier.call, repeated: true }
  const now = store.steadyNow()
  const call = await store.calls.leaseDial(id, { now, until: now + dialLeaseMs(context) })
  if (!call) return { call: await placedBefore(context, twilio, earlier.call), repeated: true }
  try {
    const found = await findPlaced(context, twilio, call)
    if (found) return { call: found, repeated: true }
  } catch (error) {
    await store.calls.releaseDial(id)
    throw error
  }
  return { call: await dial(context, { twilio, call, request }), repeated: false }
}

/** A call that another request is placing or has placed, or whose outcome is unknown yet. Throws the reason where it has no SID. */
async function placedBefore(context: ControlContext, twilio: TwilioRest, earlier: Call): Promise<Call> {
  const { store, log } = context
  const call = (await store.calls.byId(earlier.id)) ?? earlier
  if (call.sid || isTerminal(call.status)) return placedElsewhere(call, call.id)
  try {
    const found = await findPlaced(context, twilio, call)
    if (found) return found
  } catch (error) {
    log.warn("call lookup at Twilio failed", { callId: call.id, error: messageOf(error) })
  }
  return placedElsewhere(await store.calls.byId(call.id), call.id)
}

/** The call that another request is placing or has placed. Throws the reason where it has no SID. */
function placedElsewhere(call: Call | undefined, id: CallId): Call {
  if (call?.sid) return call
  const details = recordOf({ id })
  if (call && isTerminal(call.status)) {
    throw new RepeatedRefusal(call.endReason ?? "The call could not be placed.", { details })
  }
  const message =
    "Twilio has not yet answered the request with this Idempotency-Key. Repeat it in a moment: the call will not be placed twice."
  throw new AppError("CONFLICT", message, { details, retryAfterSeconds: REPEAT_AFTER_SECONDS })
}
