/** What was learned in calls. One outcome for each call, replaced when it is extracted again. */

import { eq } from "drizzle-orm"
import type { CallId } from "../call/ids.ts"
import type { Db } from "./database.ts"
import { outcomes } from "./schema.ts"

export type StoredOutcome = typeof outcomes.$inferSelect

export type OutcomeState =
  { status: "pending" } | { status: "ready"; data: unknown } | { status: "failed"; error: string }

export type Outcomes = ReturnType<typeof createOutcomes>

export function createOutcomes(db: Db) {
  return {
    of(callId: CallId): StoredOutcome | undefined {
      return db.select().from(outcomes).where(eq(outcomes.callId, callId)).get()
    },

    /** `at`: milliseconds since the epoch. What was known before stays until something new is. */
    set(callId: CallId, state: OutcomeState, at: number): void {
      const { status } = state
      const known = {
        ...(state.status === "ready" ? { data: state.data } : {}),
        error: state.status === "failed" ? state.error : null,
      }
      db.insert(outcomes)
        .values({ callId, status, ...known, createdAt: at, updatedAt: at })
        .onConflictDoUpdate({ target: outcomes.callId, set: { status, ...known, updatedAt: at } })
        .run()
    },

    /** There is nothing to be learned after all. */
    forget(callId: CallId): void {
      db.delete(outcomes).where(eq(outcomes.callId, callId)).run()
    },
  }
}
