/** The call that the path of a request names. */

import type { Call } from "../../call/call.ts"
import { CallId, CallSid } from "../../call/ids.ts"
import { AppError } from "../../lib/errors.ts"
import type { RequestContext, ServerContext } from "../context.ts"
import { isOwn } from "../auth.ts"
import type { Parameter, OperationError } from "../openapi/operation.ts"

export const CALL_SID = "CAa4c16730bc344617864a603c5a93f012"

/** Describes `:sid` and the errors of `findCall`. */
export const CALL_PARAMS: Readonly<Record<"sid", Parameter>> = {
  sid: { description: "Twilio's SID of the call, or the `id` that Parley gave it", example: CALL_SID },
}
export const CALL_ERRORS: readonly OperationError[] = [400, 404]

/** By Twilio's SID or by our id. Rejects with INVALID_REQUEST, and NOT_FOUND also for the call of another user. */
export async function findCall({ control }: ServerContext, c: RequestContext): Promise<Call> {
  const name = c.req.param("sid") ?? ""
  const sid = CallSid.safeParse(name)
  const id = CallId.safeParse(name)
  if (!sid.success && !id.success) {
    throw new AppError("INVALID_REQUEST", "A call is named by its SID: CA and 32 letters or digits.")
  }
  const { calls } = control.store
  const call = (sid.success && (await calls.bySid(sid.data))) || (id.success && (await calls.byId(id.data)))
  if (!call || !isOwn(c.get("auth"), call)) throw new AppError("NOT_FOUND", "There is no such call.")
  return call
}
