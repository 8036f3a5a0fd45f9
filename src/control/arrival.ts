/** Why a call opens a socket: for the first time, again after a loss, or back from a transfer that failed. */

import type { CallId } from "../call/ids.ts"
import type { Turn } from "../call/turn.ts"
import type { Store } from "../store/store.ts"

export type Arrival =
  | { kind: "new" }
  | { kind: "resumed"; turns: readonly Turn[] }
  | { kind: "not-transferred"; turns: readonly Turn[]; reason: string }

/** Asked before anything of the new session is recorded. */
export function arrivalOf(store: Store, callId: CallId): Arrival {
  const turns = store.turns.of(callId)
  const last = store.events.lastOf(callId, "transfer.failed", "session.opened")
  if (last?.event.type === "transfer.failed")
    return { kind: "not-transferred", turns, reason: last.event.reason }
  return turns.length > 0 ? { kind: "resumed", turns } : { kind: "new" }
}
