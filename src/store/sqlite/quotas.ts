/** Limited uses in SQLite. */

import { and, count, eq, gt, lt, min } from "drizzle-orm"
import type { Quotas } from "../quotas.ts"
import type { Access } from "./access.ts"
import type { Db } from "./database.ts"
import { quotaUses } from "./schema.ts"

export function createQuotas(db: Db, access: Access): Quotas {
  return {
    take: ({ kind, subject, at, limits }) =>
      access.transaction(() => {
        for (const limit of limits) {
          const found = db
            .select({ used: count(), oldestAt: min(quotaUses.at) })
            .from(quotaUses)
            .where(
              and(
                eq(quotaUses.kind, kind),
                gt(quotaUses.at, at - limit.withinMs),
                limit.of === "subject" ? eq(quotaUses.subject, subject) : undefined,
              ),
            )
            .get()
          if (!found || found.used < limit.most) continue
          return { outcome: "limited", limit, freeAt: (found.oldestAt ?? at) + limit.withinMs }
        }
        db.insert(quotaUses).values({ kind, subject, at }).run()
        return { outcome: "counted" }
      }),

    prune: (before) => access.write(() => db.delete(quotaUses).where(lt(quotaUses.at, before)).run().changes),
  }
}
