/** Conversations without a phone: kept for a time after their last message, and so many at most. */

import { and, asc, count, eq, gt, inArray, lte } from "drizzle-orm"
import type { Parameters } from "../call/call.ts"
import type { Turn } from "../call/turn.ts"
import type { Db } from "./database.ts"
import { conversations } from "./schema.ts"

export type StoredConversation = {
  /** A random UUID. */
  id: string
  /** The name the key of the API is bound to; null for unbound keys. */
  userId: string | null
  /** Key of the agent in the configuration. */
  agent: string
  parameters: Parameters
  turns: Turn[]
  /** Milliseconds since the epoch, as all times here. */
  createdAt: number
  updatedAt: number
  expiresAt: number
}

export type Conversations = ReturnType<typeof createConversations>

export function createConversations(db: Db) {
  function prune(now: number): number {
    return db.delete(conversations).where(lte(conversations.expiresAt, now)).run().changes
  }

  /** Leaves at most `most`; those go first that expire first. */
  function shrinkTo(most: number): void {
    const kept = db.select({ kept: count() }).from(conversations).get()?.kept ?? 0
    if (kept <= most) return
    const oldest = db
      .select({ id: conversations.id })
      .from(conversations)
      .orderBy(asc(conversations.expiresAt), asc(conversations.createdAt))
      .limit(kept - most)
    db.delete(conversations).where(inArray(conversations.id, oldest)).run()
  }

  return {
    /** Undefined for one that is not there and for one that has expired at `now`. */
    byId(id: string, now: number): StoredConversation | undefined {
      return db
        .select()
        .from(conversations)
        .where(and(eq(conversations.id, id), gt(conversations.expiresAt, now)))
        .get()
    },

    /** Makes room for it first: what has expired when it is created goes, then the oldest beyond `most`. */
    create(conversation: StoredConversation, { most }: { most: number }): void {
      db.transaction(() => {
        prune(conversation.createdAt)
        shrinkTo(most - 1)
        db.insert(conversations).values(conversation).run()
      })
    },

    /** Returns false, and changes nothing, when it was deleted meanwhile. */
    update({ id, agent, parameters, turns, updatedAt, expiresAt }: StoredConversation): boolean {
      const { changes } = db
        .update(conversations)
        .set({ agent, parameters, turns, updatedAt, expiresAt })
        .where(eq(conversations.id, id))
        .run()
      return changes > 0
    },

    /** Returns whether it was there. */
    remove(id: string): boolean {
      return db.delete(conversations).where(eq(conversations.id, id)).run().changes > 0
    },

    /** Deletes what has expired at `now`; returns how many. */
    prune,
  }
}
