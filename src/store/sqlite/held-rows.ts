/** Copies what was kept outside the database into it: calls, what belongs to them, and webhooks that were taken in. */

import { eq } from "drizzle-orm"
import type { Log } from "../../lib/log.ts"
import { isDatabaseFault, type Db } from "./database.ts"
import { calls, events, jobs, outcomes, receipts, turns, usage } from "./schema.ts"

/** To be run in one transaction. Returns how many calls there are. A row that the database will never take is left out. */
export function storeHeldRows(held: Db, db: Db, log: Log): number {
  const attempt = (row: string, id: string, run: () => void) => {
    try {
      run()
    } catch (error) {
      if (isDatabaseFault(error)) throw error
      log.error("a row cannot be stored and is lost", { row, id, error })
    }
  }
  const rows = held.select().from(calls).all()
  for (const { id, ...row } of rows) {
    attempt("call", id, () => {
      const other = row.sid && db.select({ id: calls.id }).from(calls).where(eq(calls.sid, row.sid)).get()
      const values = other && other.id !== id ? { ...row, sid: null } : row
      db.insert(calls)
        .values({ id, ...values })
        .onConflictDoUpdate({ target: calls.id, set: values })
        .run()
    })
  }
  for (const { callId, ...row } of held.select().from(outcomes).all()) {
    const outcome = db.insert(outcomes).values({ callId, ...row })
    const { createdAt: _, ...set } = row
    const stored = outcome.onConflictDoUpdate({ target: outcomes.callId, set })
    attempt("outcome", callId, () => stored.run())
  }
  for (const row of held.select().from(jobs).all()) {
    attempt("job", row.id, () => db.insert(jobs).values(row).onConflictDoNothing().run())
  }
  for (const row of held.select().from(usage).all()) {
    const { amounts, cost, updatedAt } = row
    const target = [usage.callId, usage.kind, usage.model]
    const stored = db
      .insert(usage)
      .values(row)
      .onConflictDoUpdate({ target, set: { amounts, cost, updatedAt } })
    attempt("usage", row.callId, () => stored.run())
  }
  for (const row of held.select().from(receipts).all()) {
    const stored = db
      .insert(receipts)
      .values(row)
      .onConflictDoUpdate({ target: receipts.fingerprint, set: { answer: row.answer } })
    attempt("receipt", row.kind, () => stored.run())
  }
  for (const { id, ...turn } of held.select().from(turns).all()) {
    const stored = db.insert(turns).values({ id, ...turn })
    attempt("turn", id, () => stored.onConflictDoUpdate({ target: turns.id, set: turn }).run())
  }
  for (const { id: _, ...event } of held.select().from(events).all()) {
    attempt("event", event.event.type, () => db.insert(events).values(event).run())
  }
  return rows.length
}
