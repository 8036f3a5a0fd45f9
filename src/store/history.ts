/** What was said and what happened: reading it back, and writing it in batches. */

import { and, asc, eq, getColumns, gt, inArray, max, ne, sql } from "drizzle-orm"
import { currentEvent, type CallEvent, type RecordedEvent } from "../call/events.ts"
import type { CallId } from "../call/ids.ts"
import type { Turn } from "../call/turn.ts"
import { sqliteCode, type Db } from "./database.ts"
import { calls, events, turns } from "./schema.ts"

/** An event with its number: later events have greater ones. */
export type StoredEvent = RecordedEvent & { id: number }

export type History = ReturnType<typeof createHistory>

/** A row that the database will never take, as for a call that was deleted. */
export type RefusedRow = { row: "turn" | "event"; id: string; error: unknown }

const MAX_EVENTS = 1000

/** `beforeRead` is called before each reading, so that it finds what still waits to be written. */
export function createHistory(db: Db, beforeRead: () => void) {
  return {
    turns: {
      /** Everything, in the order of the conversation. */
      of(callId: CallId): Turn[] {
        beforeRead()
        return db
          .select()
          .from(turns)
          .where(eq(turns.callId, callId))
          .orderBy(asc(turns.seq), asc(turns.startedAt))
          .all()
      },
    },

    transcripts: {
      /** Only what was said and heard, and what was keyed. */
      of(callId: CallId): Turn[] {
        beforeRead()
        return db
          .select()
          .from(turns)
          .where(and(eq(turns.callId, callId), inArray(turns.kind, ["speech", "keypad"]), ne(turns.text, "")))
          .orderBy(asc(turns.seq), asc(turns.startedAt))
          .all()
      },
    },

    events: {
      /** All events of one type. */
      ofType(callId: CallId, type: CallEvent["type"]): StoredEvent[] {
        beforeRead()
        return db
          .select()
          .from(events)
          .where(and(eq(events.callId, callId), eq(sql`json_extract(${events.event}, '$.type')`, type)))
          .orderBy(asc(events.id))
          .all()
          .map(currentEvent)
      },

      /** The number of the newest event of all calls; 0 before the first. */
      lastId(): number {
        beforeRead()
        return (
          db
            .select({ id: max(events.id) })
            .from(events)
            .get()?.id ?? 0
        )
      },

      /** Of all calls, or of one user's, in the order in which they were recorded; at most 1,000 at once. */
      since({
        afterId,
        limit,
        userId,
      }: {
        afterId: number
        limit: number
        userId: string | null
      }): StoredEvent[] {
        beforeRead()
        const query = db.select(getColumns(events)).from(events)
        const later = gt(events.id, afterId)
        const size = Math.min(Math.max(1, Math.floor(limit)), MAX_EVENTS)
        if (userId === null) {
          return query.where(later).orderBy(asc(events.id)).limit(size).all().map(currentEvent)
        }
        return query
          .innerJoin(calls, eq(calls.id, events.callId))
          .where(and(later, eq(calls.userId, userId)))
          .orderBy(asc(events.id))
          .limit(size)
          .all()
          .map(currentEvent)
      },

      /** In the order in which they were recorded; at most 1,000 at once. */
      of(
        callId: CallId,
        { afterId = 0, limit = MAX_EVENTS }: { afterId?: number; limit?: number } = {},
      ): StoredEvent[] {
        beforeRead()
        return db
          .select()
          .from(events)
          .where(and(eq(events.callId, callId), gt(events.id, afterId)))
          .orderBy(asc(events.id))
          .limit(Math.min(Math.max(1, Math.floor(limit)), MAX_EVENTS))
          .all()
          .map(currentEvent)
      },
    },
  }
}

export type Writer = ReturnType<typeof createWriter>

/** Writes batches of turns and events, each in one transaction. `busyTimeoutMs` is what the database is set to. */
export function createWriter(db: Db, busyTimeoutMs: number) {
  const named = sql.placeholder
  const writeTurn = db
    .insert(turns)
    .values({
      id: named("id"),
      callId: named("callId"),
      seq: named("seq"),
      kind: named("kind"),
      speaker: named("speaker"),
      text: named("text"),
      interrupted: named("interrupted"),
      lang: named("lang"),
      startedAt: named("startedAt"),
      endedAt: named("endedAt"),
      latency: named("latency"),
      tool: named("tool"),
    })
    .onConflictDoUpdate({
      target: turns.id,
      // What never changes is left out: an index that is not touched halves the cost of words that grow.
      set: {
        text: sql`excluded.text`,
        interrupted: sql`excluded.interrupted`,
        lang: sql`excluded.lang`,
        startedAt: sql`excluded.started_at`,
        endedAt: sql`excluded.ended_at`,
        latency: sql`excluded.latency`,
        tool: sql`excluded.tool`,
      },
    })
    .prepare()
  const writeEvent = db
    .insert(events)
    .values({ callId: named("callId"), callSid: named("callSid"), at: named("at"), event: named("event") })
    .prepare()

  return {
    /**
     * All or nothing, except for rows that the database will never take: those are left out and returned. Throws when
     * the database cannot be written now. Waits at most `waitMs` for another process that writes.
     */
    write(batch: { turns: Iterable<Turn>; events: Iterable<RecordedEvent> }, waitMs: number): RefusedRow[] {
      const refused: RefusedRow[] = []
      const attempt = (row: RefusedRow["row"], id: string, run: () => void) => {
        try {
          run()
        } catch (error) {
          if (mayWorkLater(error)) throw error
          refused.push({ row, id, error })
        }
      }
      db.$client.run(`PRAGMA busy_timeout = ${Math.min(waitMs, busyTimeoutMs)}`)
      try {
        db.transaction(
          () => {
            for (const turn of batch.turns) attempt("turn", turn.id, () => writeTurn.run(turn))
            for (const event of batch.events) attempt("event", event.event.type, () => writeEvent.run(event))
          },
          { behavior: "immediate" },
        )
      } finally {
        db.$client.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
      }
      return refused
    },
  }
}

/** A broken constraint and a value that cannot be stored stay what they are; all else is the state of the database. */
function mayWorkLater(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== undefined && !/^SQLITE_(?:CONSTRAINT|TOOBIG|MISMATCH|RANGE)/.test(code)
}
