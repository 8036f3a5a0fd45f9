/** What was said and what happened: reading it back, and writing it in batches. */

import type { CallEvent, RecordedEvent } from "../call/events.ts"
import type { CallId } from "../call/ids.ts"
import type { Turn } from "../call/turn.ts"

/** An event with its number: later events have greater ones. */
export type StoredEvent = RecordedEvent & { id: number }

/** What is being read: rows of one call or, without `callId`, of all. */
export type Reading = { rows: "turns" | "events"; callId?: CallId }

export interface Turns {
  /** Everything, in the order of the conversation. */
  of(callId: CallId): Promise<Turn[]>
}

export interface Transcripts {
  /** Only what was said and heard, and which keys were pressed. */
  of(callId: CallId): Promise<Turn[]>
}

export interface Events {
  /** All events of one type, in the order in which they were recorded. */
  ofType(callId: CallId, type: CallEvent["type"]): Promise<StoredEvent[]>

  /** The number of the newest event of all calls; 0 before the first. */
  lastId(): Promise<number>

  /** Of all calls (`userId` null) or of one user's, in the order in which they were recorded; at most 1,000 at once. */
  since(page: { afterId: number; limit: number; userId: string | null }): Promise<StoredEvent[]>

  /** Of one call, in the order in which they were recorded; at most 1,000 at once. */
  of(callId: CallId, page?: { afterId?: number; limit?: number }): Promise<StoredEvent[]>
}

/** A row that the database will never take, as for a call that was deleted. */
export type RefusedRow = { row: "turn" | "event"; id: string; error: unknown }

export interface Writer {
  /**
   * Writes turns, each in place of its earlier state, and events, all or nothing. Rows that the database will never take
   * are left out and returned. Rejects at once when the database cannot be written now; waits at most `waitMs`
   * milliseconds for another process.
   */
  write(
    batch: { turns: Iterable<Turn>; events: Iterable<RecordedEvent> },
    waitMs: number,
  ): Promise<RefusedRow[]>

  /** Before the store is closed: keeps what could not be written for the next start. Returns whether that is possible. */
  keep(batch: { turns: Iterable<Turn>; events: readonly RecordedEvent[] }): boolean
}
