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
  { countsAt, ...call }: NewPlacedCall,
  { since, limits }: { since: number; limits: readonly StartLimit[] },
): Placement {
  const earlier = call.idempotencyKey === null ? undefined : findByKey(db, call.userId, call.idempotencyKey)
  if (earlier) return { outcome: "repeated", ...earlier }
  for (const limit of limits) {
    const { started, oldestAt } = startsSince(db, since, limit.of === "user" ? call.userId : undefined)
    if (started >= limit.most) return { outcome: "limited", limit, oldestAt: oldestAt ?? countsAt }
  }
  countStart(db, call.userId, countsAt)
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
  countStart(db, userId, at)
  return { outcome: "counted" }
}

/** Calls and transfers of one user, of requests bound to no user (null), or of all. */
function startsSince(
  db: Db,
  since: number,
  userId: string | null | undefined,
): { started: number; oldestAt: number | null } {
  const found = db
    .select({ started: count(), oldestAt: min(quotaUses.at) })
    .from(quotaUses)
    .where(
      and(
        eq(quotaUses.kind, "start"),
        gte(quotaUses.at, since),
        userId === undefined ? undefined : eq(quotaUses.subject, userId ?? ""),
      ),
    )
    .get()
  return found ?? { started: 0, oldestAt: null }
}

function countStart(db: Db, userId: string | null, at: number): void {
  db.insert(quotaUses)
    .values({ kind: "start", subject: userId ?? "", at })
    .run()
}

function ofUser(userId: string | null) {
  return eq(sql`coalesce(${calls.userId}, '')`, userId ?? "")
}
