/** Usage of calls in SQLite. */

import { asc, eq } from "drizzle-orm"
import type { UsageRecords } from "../usage.ts"
import type { Runner } from "./access.ts"
import type { Db } from "./database.ts"
import { usage } from "./schema.ts"

export function createUsage(db: Db, access: Runner): UsageRecords {
  const { callId, kind, model } = usage
  return {
    put: (id, used, updatedAt) =>
      access.write(() => {
        const { amounts, cost } = used
        db.insert(usage)
          .values({ callId: id, ...used, updatedAt })
          .onConflictDoUpdate({ target: [callId, kind, model], set: { amounts, cost, updatedAt } })
          .run()
      }),

    of: (id) =>
      access.read(() =>
        db
          .select({ kind, model, amounts: usage.amounts, cost: usage.cost })
          .from(usage)
          .where(eq(callId, id))
          .orderBy(asc(kind), asc(model))
          .all(),
      ),
  }
}
