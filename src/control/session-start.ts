/** Why a call opens a socket: for the first time, again after a loss, or back from a transfer that failed. */

import type { CallId } from "../call/ids.ts"
import type { SessionStart } from "../call/session-start.ts"
import type { Store } from "../store/store.ts"

/** Ask before anything of the new session is recorded. */
export async function sessionStartOf(
  store: Pick<Store, "turns" | "calls">,
  callId: CallId,
): Promise<SessionStart> {
  const turns = await store.turns.of(callId)
  const transfer = (await store.calls.byId(callId))?.transfer
  if (transfer?.state === "failed") return { kind: "transfer-failed", turns, reason: transfer.reason }
  return turns.length > 0 ? { kind: "resumed", turns } : { kind: "new" }
}
