/** Tokens with which the holder may report about the caller of one call: random, stored as a hash, short-lived. */

import { createHash } from "node:crypto"
import type { CallerId } from "../call/caller.ts"
import type { CallId } from "../call/ids.ts"
import { newSocketToken } from "../call/ids.ts"
import type { CallerToken } from "../store/callers.ts"
import type { ControlContext } from "./context.ts"

/** Distinguishes tokens of callers from keys of the API. */
const PREFIX = "pct_"

/** The token of a call; undefined when the call was given one before. */
export async function issueCallerToken(
  { store, config }: ControlContext,
  { callId, ...id }: CallerId & { callId: CallId },
): Promise<string | undefined> {
  const token = `${PREFIX}${newSocketToken()}`
  const expiresAt = store.steadyNow() + config.times.callerTokenMs
  const isIssued = await store.callers.issueToken({ ...id, callId, hash: hashOf(token), expiresAt })
  return isIssued ? token : undefined
}

/** What a token is for; undefined for one that is unknown or has expired. */
export async function callerTokenOf(
  { store }: Pick<ControlContext, "store">,
  token: string,
): Promise<CallerToken | undefined> {
  return isCallerToken(token) ? store.callers.token(hashOf(token), store.steadyNow()) : undefined
}

export function isCallerToken(text: string): boolean {
  return /^pct_[A-Za-z0-9_-]{43}$/.test(text)
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex")
}
