/** Turns and events in SQLite: reading them back. */

import { and, asc, eq, getColumns, gt, inArray, max, ne, sql, type SQL } from "drizzle-orm"
import { currentEvent } from "../../call/events.ts"
import type { CallId } from "../../call/ids.ts"
import type { Turn } from "../../call/turn.ts"
import type { Events, Reading, Transcripts, Turns } from "../history.ts"
import type { Runner } from "./access.ts"
import type { Db } from "./database.ts"
import { prepared } from "./prepared.ts"
import { calls, events, turns } from "./schema.ts"

const MAX_EVENTS = 1000

/** `beforeRead` is awaited before each reading, so that it finds what still waits to be written. */
export function createHistory(
  db: Db,
  access: Runner,
  beforeRead: (reading: Reading) => Promise<void>,
): { turns: Turns; transcripts: Transcripts; events: Events } {
  async function read<T>(reading: Reading, work: () => T): Promise<T> {
    await beforeRead(reading)
    return access.read(work)
  }

  const turnsOfCall = prepared(() =>
    db
      .select()
      .from(turns)
      .where(eq(turns.callId, sql.placeholder("callId")))
      .orderBy(asc(turns.seq), asc(turns.startedAt))
      .prepare(),
  )
  const turnsWhere = (where: SQL | undefined): Turn[] =>
    db.select().from(turns).where(where).orderBy(asc(turns.seq), asc(turns.startedAt)).all()
  const pageOf = (limit: number) => Math.min(Math.max(1, Math.floor(limit)), MAX_EVENTS)

  return {
    turns: {
      of: (callId) => read({ rows: "turns", callId }, () => turnsOfCall().all({ callId })),
    },

    transcripts: {
      of: (callId) =>
        read({ rows: "turns", callId }, () =>
          turnsWhere(
            and(eq(turns.callId, callId), inArray(turns.kind, ["speech", "keypad"]), ne(turns.text, "")),
          ),
        ),
    },

    events: {
      ofType: (callId, type) =>
        read({ rows: "events", callId }, () =>
          db
            .select()
            .from(events)
            .where(and(eq(events.callId, callId), eq(sql`json_extract(${events.event}, '$.type')`, type)))
            .orderBy(asc(events.id))
            .all()
            .map(currentEvent),
        ),

      lastId: () =>
        read({ rows: "events" }, () => {
          const found = db
            .select({ id: max(events.id) })
            .from(events)
            .get()
          return found?.id ?? 0
        }),

      since: ({ afterId, limit, userId }) =>
        read({ rows: "events" }, () => {
          const query = db.select(getColumns(events)).from(events)
          const later = gt(events.id, afterId)
          const size = pageOf(limit)
          if (userId === null)
            return query.where(later).orderBy(asc(events.id)).limit(size).all().map(currentEvent)
          return query
            .innerJoin(calls, eq(calls.id, events.callId))
            .where(and(later, eq(calls.userId, userId)))
            .orderBy(asc(events.id))
            .limit(size)
            .all()
            .map(currentEvent)
        }),

      of: (callId: CallId, { afterId = 0, limit = MAX_EVENTS } = {}) =>
        read({ rows: "events", callId }, () =>
          db
            .select()
            .from(events)
            .where(and(eq(events.callId, callId), gt(events.id, afterId)))
            .orderBy(asc(events.id))
            .limit(pageOf(limit))
            .all()
            .map(currentEvent),
        ),
    },
  }
}
