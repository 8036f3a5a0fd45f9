/** Finds the call of a socket whose address names none: by the token in its first frame, or as another application's. */

import { createHash } from "node:crypto"
import { TOKEN_PARAMETER, type CallSid } from "../call/ids.ts"
import type { ClaimCall, Claimed } from "../conversation/call-session.ts"
import { adoptCall } from "./adopt-call.ts"
import type { ControlContext } from "./context.ts"

/** A token counts once. A first frame without one is refused. */
export function claimByToken(context: ControlContext): ClaimCall {
  return async function claim({ customParameters }) {
    return withToken(context, customParameters[TOKEN_PARAMETER] ?? "")
  }
}

/** The same; a first frame without a token may be of a call that another application connected to this server. */
export function claimByTokenOrAdopt(context: ControlContext): ClaimCall {
  return async function claim({ callSid, sessionId, customParameters }, isWanted) {
    const { [TOKEN_PARAMETER]: token, ...parameters } = customParameters
    if (token !== undefined) return withToken(context, token)
    const refused = { ok: false, reason: "the call is unknown, over, or has another session" } as const
    if (!(await isFirstOfSession(context, callSid, sessionId))) return refused
    const call = await adoptCall(context, { callSid, parameters }, isWanted)
    if (!call) return refused
    // The slot of a socket that was closed meanwhile is free for the next one.
    if (!isWanted()) await context.slots.release(call.id)
    return { ok: true, call }
  }
}

/** The signature of a fixed address is always the same one, so a socket counts once for each session of Twilio's. */
async function isFirstOfSession(
  { store }: ControlContext,
  callSid: CallSid,
  sessionId: string,
): Promise<boolean> {
  const fingerprint = createHash("sha256").update(`socket\n${callSid}\n${sessionId}`).digest("hex")
  const at = store.steadyNow()
  const receipt = await store.receipts.accept({ fingerprint, kind: "socket", idempotencyToken: null, at })
  return receipt === "new"
}

async function withToken({ store }: ControlContext, token: string): Promise<Claimed> {
  const call = await store.calls.claimToken(token, store.steadyNow())
  return call ? { ok: true, call } : { ok: false, reason: "the token is unknown, used or expired" }
}
