/** Conversations without a phone in SQLite. */

import { and, asc, count, eq, gt, inArray, lte } from "drizzle-orm"
import type { Conversations } from "../conversations.ts"
import type { Access } from "./access.ts"
import type { Db } from "./database.ts"
import { conversations } from "./schema.ts"

export function createConversations(db: Db, access: Access): Conversations {
  const { id: idColumn, revision: revisionColumn, expiresAt: expiryColumn } = conversations

  function prune(now: number): number {
    return db.delete(conversations).where(lte(expiryColumn, now)).run().changes
  }

  /** Leaves at most `most`; those go first that expire first. */
  function shrinkTo(most: number): void {
    const kept = db.select({ kept: count() }).from(conversations).get()?.kept ?? 0
    if (kept <= most) return
    const oldest = db
      .select({ id: idColumn })
      .from(conversations)
      .orderBy(asc(expiryColumn), asc(conversations.createdAt))
      .limit(kept - most)
    db.delete(conversations).where(inArray(idColumn, oldest)).run()
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

    create: (conversation, { most }) =>
      access.transaction(() => {
        prune(conversation.createdAt)
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
