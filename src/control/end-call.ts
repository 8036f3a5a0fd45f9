/** Ends a call from outside of its conversation. */

import type { Call } from "../call/call.ts"
import type { CallSid } from "../call/ids.ts"
import { isTerminal } from "../call/status.ts"
import { AppError } from "../lib/errors.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import type { CallEnd, ControlContext } from "./context.ts"
import { endCallRecord } from "./report-status.ts"

/**
 * Hangs up at the request of a program or a person. A call that is over stays as it is. Throws the failure of Twilio,
 * CONFLICT for a call that Twilio has given no SID yet, and NOT_CONFIGURED when there is neither an account nor a
 * session to end it through.
 */
export async function endCall(context: ControlContext, call: Call): Promise<void> {
  if (isTerminal(call.status)) return
  const { twilio } = context
  const live = context.liveCalls.get(call.id)
  const end: CallEnd = { by: "api", reason: "ended through the API" }
  if (twilio && call.sid) {
    try {
      return await hangUp(context, twilio, { ...call, sid: call.sid }, end)
    } catch (error) {
      // Another account's call, as of a simulator: only its conversation can be ended from here.
      if (!live || !isNotFound(error)) throw error
    }
  }
  if (live) return live.wrapUp("", { reasonCode: "api", reason: end.reason })
  if (twilio) throw new AppError("CONFLICT", "Twilio has not confirmed this call yet. Try again in a moment.")
  throw new AppError("NOT_CONFIGURED", "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to end calls.")
}

/** Hangs up at Twilio. A status that comes before its answer finds who ended the call. */
export async function hangUp(
  context: ControlContext,
  twilio: TwilioRest,
  call: Call & { sid: CallSid },
  end: CallEnd,
): Promise<void> {
  context.ending.set(call.id, end)
  try {
    await twilio.endCall(call.sid)
    endCallRecord(context, call, end)
  } finally {
    context.ending.delete(call.id)
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof AppError && error.code === "NOT_FOUND"
}
