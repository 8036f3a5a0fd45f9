/** Jobs in SQLite. */

import { and, asc, eq, inArray, isNull, lt, lte, notInArray, or, sql } from "drizzle-orm"
import { alias } from "drizzle-orm/sqlite-core"
import type { CallId } from "../../call/ids.ts"
import type { JobKinds, Jobs, Lease, NewJob } from "../jobs.ts"
import type { Access } from "./access.ts"
import type { Db } from "./database.ts"
import { prepared } from "./prepared.ts"
import { jobs } from "./schema.ts"

export function createJobs(db: Db, access: Access): Jobs {
  const earlier = alias(jobs, "earlier")
  // Jobs of one call run one by one: the oldest that waits blocks the others.
  const blocked = db
    .select({ one: sql`1` })
    .from(earlier)
    .where(and(eq(earlier.callId, jobs.callId), eq(earlier.state, "waiting"), lt(earlier.id, jobs.id)))
  const mayRun = (now: number) =>
    and(eq(jobs.state, "waiting"), lte(jobs.dueAt, now), or(isNull(jobs.callId), sql`not exists ${blocked}`))

  /** Changes a job as long as the lease holds. */
  function change({ id, dueAt, attempts }: Lease, set: Partial<typeof jobs.$inferInsert>): Promise<boolean> {
    return access.write(() => {
      const isHeld = and(
        eq(jobs.id, id),
        eq(jobs.state, "waiting"),
        eq(jobs.dueAt, dueAt),
        eq(jobs.attempts, attempts),
      )
      return db.update(jobs).set(set).where(isHeld).run().changes > 0
    })
  }

  /** Whether any job waits to be run by now. As a rule none does, and this is asked several times a second. */
  const anyDue = prepared(() =>
    db
      .select({ id: jobs.id })
      .from(jobs)
      .where(and(eq(jobs.state, "waiting"), lte(jobs.dueAt, sql.placeholder("now"))))
      .limit(1)
      .prepare(),
  )

  return {
    add: (job) => access.write(() => addJob(db, job)),

    due: (now, limit, kinds) =>
      access.read(() => {
        if (!anyDue().get({ now })) return []
        return db
          .select()
          .from(jobs)
          .where(and(mayRun(now), kinds && isOf(kinds)))
          .orderBy(asc(jobs.dueAt), asc(jobs.id))
          .limit(limit)
          .all()
      }),

    lease: (id, now, until) =>
      access.write(() =>
        db
          .update(jobs)
          .set({ dueAt: until, attempts: sql`${jobs.attempts} + 1` })
          .where(and(eq(jobs.id, id), mayRun(now)))
          .returning()
          .get(),
      ),

    finish: (lease, at) => change(lease, { state: "done", doneAt: at, lastError: null }),
    fail: (lease, error, at) => change(lease, { state: "failed", doneAt: at, lastError: error }),
    again: (lease, { dueAt, error, used }) =>
      change(lease, { dueAt, lastError: error, attempts: used ? lease.attempts : lease.attempts - 1 }),

    restart: (job) =>
      access.write(() => {
        const { payload = {}, dueAt } = job
        db.insert(jobs)
          .values({ ...job, id: Bun.randomUUIDv7(), payload })
          .onConflictDoUpdate({ target: [jobs.callId, jobs.kind], set: { ...FRESH, payload, dueAt } })
          .run()
      }),

    find: (callId, kind) => access.read(() => findJob(db, callId, kind)),

    findAll: (callIds, kind) =>
      access.read(() =>
        db
          .select()
          .from(jobs)
          .where(and(inArray(jobs.callId, [...callIds]), eq(jobs.kind, kind)))
          .all(),
      ),
  }
}

function isOf(kinds: JobKinds) {
  return "only" in kinds ? inArray(jobs.kind, [...kinds.only]) : notInArray(jobs.kind, [...kinds.except])
}

const FRESH = { state: "waiting", attempts: 0, lastError: null, doneAt: null } as const

/** Its id; undefined where the call has a job of this kind. */
export function addJob(db: Db, { payload = {}, ...job }: NewJob): string | undefined {
  return (
    db
      .insert(jobs)
      // Ids of later jobs sort later.
      .values({ ...job, id: Bun.randomUUIDv7(), payload })
      .onConflictDoNothing()
      .returning({ id: jobs.id })
      .get()?.id
  )
}

/** Adds a job or starts over one that has ended; false where it waits or runs. */
export function startJob(db: Db, { payload = {}, ...job }: NewJob): boolean {
  const { changes } = db
    .insert(jobs)
    .values({ ...job, id: Bun.randomUUIDv7(), payload })
    .onConflictDoUpdate({
      target: [jobs.callId, jobs.kind],
      set: { ...FRESH, payload, dueAt: job.dueAt },
      setWhere: sql`${jobs.state} <> 'waiting'`,
    })
    .run()
  return changes > 0
}

function findJob(db: Db, callId: CallId, kind: string) {
  return db
    .select()
    .from(jobs)
    .where(and(eq(jobs.callId, callId), eq(jobs.kind, kind)))
    .get()
}
