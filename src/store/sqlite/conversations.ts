/** Conversations without a phone in SQLite. */

import { and, asc, count, desc, eq, gt, inArray, isNull, lte } from "drizzle-orm"
import type { Conversations } from "../conversations.ts"
import type { Access } from "./access.ts"
import type { Db } from "./database.ts"
import { conversations } from "./schema.ts"

export function createConversations(db: Db, access: Access): Conversations {
  const { id: idColumn, revision: revisionColumn, expiresAt: expiryColumn } = conversations

  function prune(now: number): number {
    return db.delete(conversations).where(lte(expiryColumn, now)).run().changes
  }

  /** Leaves a user at most `most`; those go first that expire first. Null: conversations of no user. */
  function shrinkUser(userId: string | null, most: number): void {
    const ofUser = userId === null ? isNull(conversations.userId) : eq(conversations.userId, userId)
    const kept = db.select({ kept: count() }).from(conversations).where(ofUser).get()?.kept ?? 0
    if (kept <= most) return
    const oldest = db
      .select({ id: idColumn })
      .from(conversations)
      .where(ofUser)
      .orderBy(asc(expiryColumn), asc(conversations.createdAt))
      .limit(kept - most)
    db.delete(conversations).where(inArray(idColumn, oldest)).run()
  }

  /** Leaves at most `most`; deletes conversations of the user who has the most. */
  function shrinkTo(most: number): void {
    for (;;) {
      const kept = db.select({ kept: count() }).from(conversations).get()?.kept ?? 0
      if (kept <= most) return
      const [largest] = db
        .select({ userId: conversations.userId, owned: count() })
        .from(conversations)
        .groupBy(conversations.userId)
        .orderBy(desc(count()))
        .limit(1)
        .all()
      if (!largest) return
      shrinkUser(largest.userId, Math.max(0, largest.owned - (kept - most)))
    }
  }

  return {
    byId: (id, now) =>
      access.read(() =>
        db
          .select()
          .from(conversations)
          .where(and(eq(idColumn, id), gt(expiryColumn, now)))
          .get(),
      ),

    create: (conversation, { most, mostOfUser = most }) =>
      access.transaction(() => {
        prune(conversation.createdAt)
        if (conversation.userId !== null) shrinkUser(conversation.userId, mostOfUser - 1)
        shrinkTo(most - 1)
        db.insert(conversations).values(conversation).run()
      }),

    update: ({ id, revision, agent, parameters, turns, updatedAt, expiresAt }) =>
      access.transaction(() => {
        const { changes } = db
          .update(conversations)
          .set({ agent, parameters, turns, updatedAt, expiresAt, revision: revision + 1 })
          .where(and(eq(idColumn, id), eq(revisionColumn, revision)))
          .run()
        if (changes > 0) return "updated"
        const other = db.select({ id: idColumn }).from(conversations).where(eq(idColumn, id)).get()
        return other ? "conflict" : "deleted"
      }),

    remove: (id) => access.write(() => db.delete(conversations).where(eq(idColumn, id)).run().changes > 0),

    prune: (now) => access.write(() => prune(now)),
  }
}
