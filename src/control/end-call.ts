/** Ends a call at the request of a program or a person. */

import type { Call } from "../call/call.ts"
import { isTerminal } from "../call/status.ts"
import { AppError } from "../lib/errors.ts"
import type { ControlContext } from "./context.ts"
import { endCallRecord } from "./report-status.ts"

/**
 * Hangs up. A call that is over stays as it is. Throws the failure of Twilio, and NOT_CONFIGURED when there is neither
 * an account nor a session to end it through.
 */
export async function endCall(context: ControlContext, call: Call): Promise<void> {
  if (isTerminal(call.status)) return
  const { twilio, liveCalls } = context
  const live = liveCalls.get(call.id)
  const reason = "ended through the API"
  if (twilio && call.sid) {
    await twilio.endCall(call.sid)
    endCallRecord(context, call, { by: "api", reason })
    return
  }
  if (!live) {
    throw new AppError("NOT_CONFIGURED", "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to end calls.")
  }
  live.wrapUp("", { reasonCode: "api", reason })
}
