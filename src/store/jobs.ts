/** Work that must survive a restart. A job that runs is due again later: a process that dies with it loses nothing. */

import { and, asc, desc, eq, isNull, lt, lte, or, sql } from "drizzle-orm"
import { alias } from "drizzle-orm/sqlite-core"
import type { CallId } from "../call/ids.ts"
import type { Db } from "./database.ts"
import { jobs } from "./schema.ts"

export type Job = typeof jobs.$inferSelect

export type NewJob = {
  kind: string
  callId: CallId
  payload?: unknown
  /** Milliseconds since the epoch, as all times here. */
  dueAt: number
  createdAt: number
}

export type Jobs = ReturnType<typeof createJobs>

export function createJobs(db: Db) {
  const earlier = alias(jobs, "earlier")

  return {
    /** Takes a job in and returns its id; ids of later jobs sort later. */
    add({ payload = {}, ...job }: NewJob): string {
      const id = Bun.randomUUIDv7()
      db.insert(jobs)
        .values({ ...job, id, payload })
        .run()
      return id
    },

    /** Jobs that may run now, the longest due first. Of each call only the oldest, so that they come one by one. */
    due(now: number, limit: number): Job[] {
      const blocked = db
        .select({ one: sql`1` })
        .from(earlier)
        .where(and(eq(earlier.callId, jobs.callId), eq(earlier.state, "waiting"), lt(earlier.id, jobs.id)))
      return db
        .select()
        .from(jobs)
        .where(
          and(
            eq(jobs.state, "waiting"),
            lte(jobs.dueAt, now),
            or(isNull(jobs.callId), sql`not exists ${blocked}`),
          ),
        )
        .orderBy(asc(jobs.dueAt), asc(jobs.id))
        .limit(limit)
        .all()
    },

    /** Takes a job for one attempt until `until`; undefined when another process was faster. */
    lease(id: string, now: number, until: number): Job | undefined {
      return db
        .update(jobs)
        .set({ dueAt: until, attempts: sql`${jobs.attempts} + 1` })
        .where(and(eq(jobs.id, id), eq(jobs.state, "waiting"), lte(jobs.dueAt, now)))
        .returning()
        .get()
    },

    finish(id: string, at: number): void {
      db.update(jobs).set({ state: "done", doneAt: at, lastError: null }).where(eq(jobs.id, id)).run()
    },

    /** Gives the job up. */
    fail(id: string, error: string, at: number): void {
      db.update(jobs).set({ state: "failed", doneAt: at, lastError: error }).where(eq(jobs.id, id)).run()
    },

    /** Another attempt at `dueAt`. One that was not used up is given back. */
    again(id: string, { dueAt, error, used }: { dueAt: number; error: string | null; used: boolean }): void {
      db.update(jobs)
        .set({ dueAt, lastError: error, attempts: used ? jobs.attempts : sql`${jobs.attempts} - 1` })
        .where(eq(jobs.id, id))
        .run()
    },

    /** The newest job of this kind of the call. */
    newest(callId: CallId, kind: string): Job | undefined {
      return db
        .select()
        .from(jobs)
        .where(and(eq(jobs.callId, callId), eq(jobs.kind, kind)))
        .orderBy(desc(jobs.id))
        .limit(1)
        .get()
    },
  }
}
