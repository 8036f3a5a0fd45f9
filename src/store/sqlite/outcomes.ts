/** Outcomes in SQLite. */

import { eq } from "drizzle-orm"
import type { CallId } from "../../call/ids.ts"
import type { Outcomes, OutcomeState, StoredOutcome } from "../outcomes.ts"
import type { Access } from "./access.ts"
import type { Db } from "./database.ts"
import { startJob } from "./jobs.ts"
import { outcomes } from "./schema.ts"

export function createOutcomes(db: Db, access: Access): Outcomes {
  const of = (callId: CallId): StoredOutcome | undefined =>
    db.select().from(outcomes).where(eq(outcomes.callId, callId)).get()

  return {
    of: (callId) => access.read(() => of(callId)),
    set: (callId, state, at) => access.write(() => setOutcome(db, callId, state, at)),

    request: (callId, { kind, at, dueAt }) =>
      access.transaction(() => {
        const started = startJob(db, { kind, callId, dueAt, createdAt: at })
        if (started) setOutcome(db, callId, { status: "pending" }, at)
        return of(callId)
      }),

    forget: (callId) => access.write(() => void db.delete(outcomes).where(eq(outcomes.callId, callId)).run()),
  }
}

export function setOutcome(db: Db, callId: CallId, state: OutcomeState, at: number): void {
  const { status } = state
  const known = {
    ...(state.status === "ready" ? { data: state.data } : {}),
    error: state.status === "failed" ? state.error : null,
  }
  db.insert(outcomes)
    .values({ callId, status, ...known, createdAt: at, updatedAt: at })
    .onConflictDoUpdate({ target: outcomes.callId, set: { status, ...known, updatedAt: at } })
    .run()
}
