/** What calls have used of the services they run on. */

import { asc, eq } from "drizzle-orm"
import type { CallId } from "../call/ids.ts"
import type { Usage } from "../call/usage.ts"
import type { Db } from "./database.ts"
import { usage } from "./schema.ts"

export type UsageRecords = ReturnType<typeof createUsage>

export function createUsage(db: Db) {
  const { callId, kind, model } = usage
  return {
    /** Notes the whole use of one kind and model in a call, in place of what was noted before. */
    put(id: CallId, used: Usage, updatedAt: number): void {
      const { amounts, cost } = used
      db.insert(usage)
        .values({ callId: id, ...used, updatedAt })
        .onConflictDoUpdate({ target: [callId, kind, model], set: { amounts, cost, updatedAt } })
        .run()
    },

    /** Everything that a call has used. */
    of(id: CallId): Usage[] {
      return db
        .select({ kind, model, amounts: usage.amounts, cost: usage.cost })
        .from(usage)
        .where(eq(callId, id))
        .orderBy(asc(kind), asc(model))
        .all()
    },
  }
}
