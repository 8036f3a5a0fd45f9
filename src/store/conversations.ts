/** Conversations without a phone: kept for a time after their last message, and so many at most. */

import type { Parameters } from "../call/call.ts"
import type { Turn } from "../call/turn.ts"

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
  /** Grows by one with each update. 0 when it is created. */
  revision: number
}

export interface Conversations {
  /** Undefined for one that is not there and for one that has expired at `now`. */
  byId(id: string, now: number): Promise<StoredConversation | undefined>

  /**
   * Makes room for it first: what has expired when it is created goes, then the oldest of its user beyond `mostOfUser`.
   * Beyond `most`, the oldest conversation of the user with the most conversations is deleted. Conversations of no user count only in `most`.
   */
  create(conversation: StoredConversation, room: { most: number; mostOfUser?: number }): Promise<void>

  /**
   * Stores what changed in a conversation that has this revision. Changes nothing when it was deleted, or when somebody
   * else has updated it.
   */
  update(conversation: StoredConversation): Promise<"updated" | "deleted" | "conflict">

  /** Resolves to whether it was there. */
  remove(id: string): Promise<boolean>

  /** Deletes what has expired at `now`; resolves to how many. */
  prune(now: number): Promise<number>
}
