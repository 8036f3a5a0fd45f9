/** Who may report about a caller: a key for its user's callers, or the token of one call for the caller of that call. */

import type { CallerId } from "../../call/caller.ts"
import { phoneNumber } from "../../call/phone-number.ts"
import { reportCaller, type ReportedCaller } from "../../control/caller-reports.ts"
import { callerTokenOf, isCallerToken } from "../../control/caller-tokens.ts"
import { AppError } from "../../lib/errors.ts"
import { actingUser, authFromKey, givenKey } from "../auth.ts"
import type { CallerAccess, Origin, ServerContext } from "../context.ts"
import type { z } from "zod"
import { eventKind, type CallerEventBody } from "./caller-schemas.ts"

/** Undefined for an invalid key or token. */
export async function callerAccess(
  context: ServerContext,
  origin: Origin | undefined,
  given: string | undefined,
): Promise<CallerAccess | undefined> {
  const { config, control } = context
  if (given !== undefined && isCallerToken(given)) {
    const token = await callerTokenOf(control, given)
    // A wrong token is no key, also where programs on this machine need none.
    return token && { by: "token", token }
  }
  const auth = authFromKey(config, origin, given)
  return auth && { by: "key", auth }
}

/** The key or token of a request, in a header or, for sockets, in the query. */
export function givenAccess(request: Request, query?: URLSearchParams): string | undefined {
  return givenKey(request) ?? query?.get("token") ?? query?.get("key") ?? undefined
}

export type AccessReport = Omit<z.infer<typeof CallerEventBody>, "event"> & {
  event: z.infer<typeof CallerEventBody>["event"]
  /** As given; undefined: the number of the token. */
  number: string | undefined
  userId?: string | undefined
}

/**
 * Carries out a report. Rejects with FORBIDDEN for the token of another number, CONFLICT for a token that has
 * reported this event before, INVALID_REQUEST for a missing or invalid number.
 */
export async function reportWith(
  { config, control }: ServerContext,
  access: CallerAccess,
  { event, number: given, userId, ...facts }: AccessReport,
): Promise<ReportedCaller> {
  const { defaultCountry } = config
  const number =
    given === undefined ? undefined : await phoneNumber(given, { field: "phoneNumber", defaultCountry })
  const kind = eventKind(event)
  if (access.by === "key") {
    if (number === undefined) throw new AppError("INVALID_REQUEST", "phoneNumber is missing.")
    const id: CallerId = { userId: actingUser(access.auth, userId), number }
    return reportCaller(control, { ...facts, id, event: kind, source: "api-key" })
  }
  const { token } = access
  if (number !== undefined && number !== token.number)
    throw new AppError("FORBIDDEN", "This token belongs to another number.")
  if (userId !== undefined && userId !== token.userId)
    throw new AppError("FORBIDDEN", "This token belongs to another user.")
  if (!(await control.store.callers.useToken(token.hash, kind, control.store.steadyNow())))
    throw new AppError("CONFLICT", "This token has reported that before, or it has expired.")
  const id: CallerId = { userId: token.userId, number: token.number }
  return reportCaller(control, { ...facts, id, event: kind, source: "call-token", callId: token.callId })
}
