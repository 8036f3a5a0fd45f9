/** Callers and their tokens in SQLite. */

import { and, asc, count, desc, eq, gt, lt, lte, sql } from "drizzle-orm"
import { changeCaller, newCaller, type Caller, type CallerId } from "../../call/caller.ts"
import type { Callers } from "../callers.ts"
import type { Access } from "./access.ts"
import { emptyLog, type Db } from "./database.ts"
import { callers, callerTokens } from "./caller-schema.ts"

export function createCallers(db: Db, access: Access): Callers {
  function find(id: CallerId): Caller | undefined {
    const row = db.select().from(callers).where(whereCaller(id)).get()
    return row && { ...row, userId: toUser(row.userId) }
  }

  function counted(): number {
    return db.select({ kept: count() }).from(callers).get()?.kept ?? 0
  }

  /** Makes room for one more: the oldest of the user who has the most are deleted. */
  function makeRoom(most: number): void {
    const excess = counted() - most + 1
    if (excess <= 0) return
    const [largest] = db
      .select({ userId: callers.userId, owned: count() })
      .from(callers)
      .groupBy(callers.userId)
      .orderBy(desc(count()))
      .limit(1)
      .all()
    if (!largest) return
    const oldest = db
      .select({ number: callers.number })
      .from(callers)
      .where(eq(callers.userId, largest.userId))
      .orderBy(asc(callers.updatedAt), asc(callers.number))
      .limit(excess)
    db.delete(callers)
      .where(and(eq(callers.userId, largest.userId), sql`${callers.number} in ${oldest}`))
      .run()
  }

  function liveToken(hash: string, now: number) {
    const isLive = and(eq(callerTokens.hash, hash), gt(callerTokens.expiresAt, now))
    return db.select().from(callerTokens).where(isLive).get()
  }

  return {
    find: (id) => access.read(() => find(id)),

    list: ({ userId, after = "", limit }) =>
      access.read(() =>
        db
          .select()
          .from(callers)
          .where(and(eq(callers.userId, fromUser(userId)), gt(callers.number, after)))
          .orderBy(asc(callers.number))
          .limit(limit)
          .all()
          .map((row) => ({ ...row, userId: toUser(row.userId) })),
      ),

    change: ({ userId, number, change, source, at, create }) =>
      access.transaction(() => {
        const id = { userId, number }
        const known = find(id)
        if (!known && !create) return undefined
        if (!known && create) makeRoom(create.most)
        const changed = changeCaller(known ?? newCaller(id, at), change, { source, at })
        const row = { ...changed, userId: fromUser(userId) }
        db.insert(callers)
          .values(row)
          .onConflictDoUpdate({ target: [callers.userId, callers.number], set: row })
          .run()
        return changed
      }),

    async erase(id) {
      const wasKnown = await access.transaction(() => {
        db.delete(callerTokens)
          .where(and(eq(callerTokens.userId, fromUser(id.userId)), eq(callerTokens.number, id.number)))
          .run()
        return db.delete(callers).where(whereCaller(id)).run().changes > 0
      })
      if (wasKnown) emptyLog(db.$client)
      return wasKnown
    },

    issueToken: ({ userId, ...token }) =>
      access.write(
        () =>
          db
            .insert(callerTokens)
            .values({ ...token, userId: fromUser(userId), used: [] })
            .onConflictDoNothing()
            .run().changes > 0,
      ),

    token: (hash, now) =>
      access.read(() => {
        const found = liveToken(hash, now)
        if (!found) return undefined
        const { callId, userId, number, expiresAt } = found
        return { hash, callId, userId: toUser(userId), number, expiresAt }
      }),

    useToken: (hash, event, now) =>
      access.transaction(() => {
        const found = liveToken(hash, now)
        if (!found || found.used.includes(event)) return false
        const used = [...found.used, event]
        return db.update(callerTokens).set({ used }).where(eq(callerTokens.hash, hash)).run().changes > 0
      }),

    count: () => access.read(counted),

    prune: ({ now, unchangedSince }) =>
      access.transaction(() => {
        db.delete(callerTokens).where(lte(callerTokens.expiresAt, now)).run()
        if (unchangedSince !== undefined)
          db.delete(callers).where(lt(callers.updatedAt, unchangedSince)).run()
      }),
  }
}

function whereCaller({ userId, number }: CallerId) {
  return and(eq(callers.userId, fromUser(userId)), eq(callers.number, number))
}

/** A key of a table must not be null. No user has an empty name. */
function fromUser(userId: string | null): string {
  return userId ?? ""
}

function toUser(stored: string): string | null {
  return stored === "" ? null : stored
}
