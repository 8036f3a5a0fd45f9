/** Ends a call from outside its conversation. */

import type { Call, EndCause } from "../call/call.ts"
import type { CallSid } from "../call/ids.ts"
import { isTerminal } from "../call/status.ts"
import { AppError } from "../lib/errors.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import type { ControlContext } from "./context.ts"
import { recordCause } from "./report-status.ts"

/**
 * Hangs up because a program or a person asked for it. A call that is over stays as it is. Throws the failure of Twilio,
 * CONFLICT for a call that has no SID of Twilio yet, and NOT_CONFIGURED when there is neither an account nor a session
 * to end the call through.
 */
export async function hangUpByApi(context: ControlContext, call: Call): Promise<void> {
  if (isTerminal(call.status)) return
  const { twilio } = context
  const live = context.liveCalls.get(call.id)
  const cause: EndCause = { by: "api", reason: "ended through the API" }
  if (twilio && call.sid) {
    try {
      return await hangUp(context, twilio, { ...call, sid: call.sid }, cause)
    } catch (error) {
      // A call of another account, as of a simulator: only its conversation can be ended from here.
      if (!live || !isNotFound(error)) throw error
    }
  }
  if (live) return live.wrapUp("", { reason: "api", detail: cause.reason })
  if (twilio) throw new AppError("CONFLICT", "Twilio has not confirmed this call yet. Try again in a moment.")
  throw new AppError("NOT_CONFIGURED", "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to end calls.")
}

/** Hangs up at Twilio. A status callback that arrives before Twilio's answer is recorded with this cause. */
export async function hangUp(
  context: ControlContext,
  twilio: TwilioRest,
  call: Call & { sid: CallSid },
  cause: EndCause,
): Promise<void> {
  const removeCause = await context.hangUpCauses.note(call.id, cause)
  try {
    await twilio.endCall(call.sid)
    await recordCause(context, call, cause)
  } finally {
    await removeCause()
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof AppError && error.code === "NOT_FOUND"
}
