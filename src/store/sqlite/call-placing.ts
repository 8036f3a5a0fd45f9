/** Placing calls in SQLite: one call for each key, and no more than the limits allow. */

import { and, count, eq, gte, min, sql } from "drizzle-orm"
import type { Call } from "../../call/call.ts"
import type { NewPlacedCall, Placement, StartLimit, TransferStart } from "../calls.ts"
import { CALL_COLUMNS } from "./call-columns.ts"
import type { Db } from "./database.ts"
import { calls, quotaUses } from "./schema.ts"

/** To be run in one transaction. */
export function insertPlacedCall(
  db: Db,
  call: NewPlacedCall,
  { since, limits }: { since: number; limits: readonly StartLimit[] },
): Placement {
  const earlier = call.idempotencyKey === null ? undefined : findByKey(db, call.userId, call.idempotencyKey)
  if (earlier) return { outcome: "repeated", ...earlier }
  for (const limit of limits) {
    const { started, oldestAt } = startsSince(db, since, limit.of === "user" ? call.userId : undefined)
    if (started >= limit.most) return { outcome: "limited", limit, oldestAt: oldestAt ?? call.createdAt }
  }
  return { outcome: "created", call: db.insert(calls).values(call).returning(CALL_COLUMNS).get() }
}

export function findByKey(
  db: Db,
  userId: string | null,
  key: string,
): { call: Call; requestHash: string | null } | undefined {
  const found = db
    .select({ ...CALL_COLUMNS, requestHash: calls.requestHash })
    .from(calls)
    .where(and(ofUser(userId), eq(calls.idempotencyKey, key)))
    .get()
  if (!found) return undefined
  const { requestHash, ...call } = found
  return { call, requestHash }
}

/** To be run in one transaction. */
export function insertTransfer(
  db: Db,
  { userId, at }: { userId: string | null; at: number },
  { since, limits }: { since: number; limits: readonly StartLimit[] },
): TransferStart {
  for (const limit of limits) {
    const { started, oldestAt } = startsSince(db, since, limit.of === "user" ? userId : undefined)
    if (started >= limit.most) return { outcome: "limited", limit, oldestAt: oldestAt ?? at }
  }
  db.insert(quotaUses)
    .values({ kind: "transfer", subject: userId ?? "", at })
    .run()
  return { outcome: "counted" }
}

/** Calls and transfers of one user, of requests bound to no user (null), or of all. */
function startsSince(
  db: Db,
  since: number,
  userId: string | null | undefined,
): { started: number; oldestAt: number | null } {
  const placed = db
    .select({ started: count(), oldestAt: min(calls.createdAt) })
    .from(calls)
    .where(
      and(
        eq(calls.direction, "outbound"),
        gte(calls.createdAt, since),
        userId === undefined ? undefined : ofUser(userId),
      ),
    )
    .get()
  const transferred = db
    .select({ started: count(), oldestAt: min(quotaUses.at) })
    .from(quotaUses)
    .where(
      and(
        eq(quotaUses.kind, "transfer"),
        gte(quotaUses.at, since),
        userId === undefined ? undefined : eq(quotaUses.subject, userId ?? ""),
      ),
    )
    .get()
  const times = [placed?.oldestAt, transferred?.oldestAt].filter((time) => typeof time === "number")
  return {
    started: (placed?.started ?? 0) + (transferred?.started ?? 0),
    oldestAt: times.length > 0 ? Math.min(...times) : null,
  }
}

function ofUser(userId: string | null) {
  return eq(sql`coalesce(${calls.userId}, '')`, userId ?? "")
}
