/** Why a call opens a session: for the first time, again after a lost socket, or back from a transfer that failed. */

import type { Turn } from "./turn.ts"

export type SessionStart =
  | { kind: "new" }
  | { kind: "resumed"; turns: readonly Turn[] }
  | { kind: "transfer-failed"; turns: readonly Turn[]; reason: string }
