/** Turns and events in SQLite: writing them in batches. */

import { sql } from "drizzle-orm"
import type { RefusedRow, Writer } from "../history.ts"
import { isDatabaseFault, type Db } from "./database.ts"
import { events, turns } from "./schema.ts"

/** Writes batches of turns and events, each in one transaction. `busyTimeoutMs` is what the database is set to. */
export function createWriter(db: Db, busyTimeoutMs: number): Writer {
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
    // Work begins at the call, so that what closes without waiting is written all the same.
    async write(batch, waitMs) {
      const refused: RefusedRow[] = []
      const attempt = (row: RefusedRow["row"], id: string, run: () => void) => {
        try {
          run()
        } catch (error) {
          if (isDatabaseFault(error)) throw error
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

    keep: () => false,
  }
}
