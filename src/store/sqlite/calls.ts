/** Calls in SQLite. */

import { and, asc, desc, eq, isNull, lt, ne, notInArray, or, sql } from "drizzle-orm"
import type { Call } from "../../call/call.ts"
import { CallId } from "../../call/ids.ts"
import { AppError } from "../../lib/errors.ts"
import type { CallFilter, Calls } from "../calls.ts"
import type { Runner } from "./access.ts"
import { CALL_COLUMNS } from "./call-columns.ts"
import { callStatements, hasNotEnded, transferState } from "./call-statements.ts"
import { advanceCall } from "./call-status.ts"
import { findByKey, insertPlacedCall, insertTransfer } from "./call-placing.ts"
import { sqliteCode, type Db } from "./database.ts"
import { calls } from "./schema.ts"

const MAX_PAGE = 200

/** Whoever has a call placed waits for the answer, some programs five seconds; a call that is not recorded is not placed. */
const PLACING_WAITS_MS = 3_000

export function createCalls(db: Db, access: Runner): Calls {
  const statements = callStatements(db)

  function update(id: CallId, change: Partial<typeof calls.$inferInsert>): Promise<void> {
    return access.write(() => void db.update(calls).set(change).where(eq(calls.id, id)).run())
  }

  return {
    byId: (id) => access.read(() => statements.byId(id)),
    bySid: (sid) => access.read(() => statements.bySid(sid)),

    create: (call) =>
      access.write(() => {
        try {
          return db.insert(calls).values(call).returning(CALL_COLUMNS).get()
        } catch (error) {
          if (!sqliteCode(error)?.startsWith("SQLITE_CONSTRAINT")) throw error
          throw new AppError("CONFLICT", "This call exists already", { cause: error })
        }
      }),

    createOrFind: (call) =>
      access.transaction(() => {
        const found = statements.bySid(call.sid)
        if (found) return { call: found, created: false }
        return { call: db.insert(calls).values(call).returning(CALL_COLUMNS).get(), created: true }
      }),

    place: (call, rule) =>
      access.transaction(() => insertPlacedCall(db, call, rule), { giveUpMs: PLACING_WAITS_MS }),
    countTransfer: (transfer, rule) => access.transaction(() => insertTransfer(db, transfer, rule)),

    findByIdempotencyKey: (userId, key) => access.read(() => findByKey(db, userId, key)),

    leaseDial: (id, { now, until }) =>
      access.write(() =>
        db
          .update(calls)
          .set({ dialLeaseUntil: until })
          .where(
            and(
              eq(calls.id, id),
              isNull(calls.sid),
              hasNotEnded,
              or(isNull(calls.dialLeaseUntil), sql`${calls.dialLeaseUntil} <= ${now}`),
            ),
          )
          .returning(CALL_COLUMNS)
          .get(),
      ),

    releaseDial: (id) => update(id, { dialLeaseUntil: null }),

    list: (filter) => access.read(() => listCalls(db, filter)),

    attachSid: (id, sid) =>
      access.transaction(() => {
        const known = statements.bySid(sid)
        if (known) return known
        return db
          .update(calls)
          .set({ sid })
          .where(and(eq(calls.id, id), isNull(calls.sid)))
          .returning(CALL_COLUMNS)
          .get()
      }),

    advanceStatus: (call, incoming, report) =>
      access.transaction(() => advanceCall({ db, statements }, call, incoming, report)),

    noteEnd: (id, { by, reason }) =>
      access.write(() => {
        const noted = db
          .update(calls)
          .set({ endedBy: by, endReason: reason })
          .where(and(eq(calls.id, id), isNull(calls.endedBy)))
          .run()
        return noted.changes > 0
      }),

    issueToken: (id, token, expiresAt) => access.write(() => statements.issueToken(id, token, expiresAt)),

    claimToken: (token, now) => access.write(() => statements.claimToken(token, now)),

    lastToken: (id) =>
      access.read(() => {
        const row = db.select({ token: calls.socketToken }).from(calls).where(eq(calls.id, id)).get()
        return row?.token ?? undefined
      }),

    resume: (id, most) =>
      access.write(() => {
        const counted = db
          .update(calls)
          .set({ resumes: sql`${calls.resumes} + 1` })
          .where(and(eq(calls.id, id), lt(calls.resumes, most), hasNotEnded))
          .returning({ resumes: calls.resumes })
          .get()
        return counted?.resumes
      }),

    addSpeechError: (id, code) =>
      access.transaction(() => {
        const where = eq(calls.id, id)
        const before = db.select({ speechErrors: calls.speechErrors }).from(calls).where(where).get()
        const speechErrors = [...(before?.speechErrors ?? []), code]
        db.update(calls).set({ speechErrors }).where(where).run()
        return speechErrors
      }),

    openSession: (id, sessionId) => access.write(() => statements.openSession(id, sessionId)),

    endSession: (id, { end, sessionId }) =>
      access.write(() => {
        const isCurrent = sessionId === undefined ? undefined : eq(calls.sessionId, sessionId)
        const recorded = db
          .update(calls)
          .set({ sessionEnd: end })
          .where(and(eq(calls.id, id), isCurrent))
          .run()
        return recorded.changes > 0
      }),

    setTransfer: (id, transfer) =>
      access.write(() => {
        const isNext =
          transfer.state === "started"
            ? ne(transferState, "started")
            : notInArray(transferState, ["finished", "failed"])
        const recorded = db
          .update(calls)
          .set({ transfer })
          .where(and(eq(calls.id, id), or(isNull(calls.transfer), isNext)))
          .run()
        return recorded.changes > 0
      }),

    setEngine: (id, engine) => update(id, { engine }),
    setIvrState: (id, ivrState) => update(id, { ivrState }),
    setVersions: (id, versions) => access.write(() => statements.setVersions(id, versions)),
    setVerifiedNumber: (id, verifiedNumber) => update(id, { verifiedNumber }),

    setAgent: (id, { agent, engine, parameters }) =>
      access.write(() =>
        db
          .update(calls)
          .set({
            agent,
            engine,
            parameters: sql`json_patch(${calls.parameters}, ${JSON.stringify(parameters)})`,
          })
          .where(eq(calls.id, id))
          .returning(CALL_COLUMNS)
          .get(),
      ),

    menuOf: (id) =>
      access.read(() => {
        const found = db
          .select({ state: calls.menu, revision: calls.menuRevision })
          .from(calls)
          .where(eq(calls.id, id))
          .get()
        return found?.state ? { state: found.state, revision: found.revision } : undefined
      }),

    advanceMenu: (id, { from, state }) =>
      access.write(() => {
        const stored = db
          .update(calls)
          .set({ menu: state, menuRevision: from + 1 })
          .where(and(eq(calls.id, id), eq(calls.menuRevision, from), hasNotEnded))
          .run()
        return stored.changes > 0
      }),

    open: () =>
      access.read(() =>
        db
          .select(CALL_COLUMNS)
          .from(calls)
          .where(hasNotEnded)
          .orderBy(asc(calls.createdAt), asc(calls.id))
          .all(),
      ),
  }
}

function listCalls(
  db: Db,
  { limit, cursor, ...filter }: CallFilter,
): { calls: Call[]; nextCursor: string | null } {
  const size = Math.min(Math.max(1, Math.floor(limit)), MAX_PAGE)
  const after = cursor === undefined ? undefined : readCursor(cursor)
  const found = db
    .select(CALL_COLUMNS)
    .from(calls)
    .where(
      and(
        filter.status && eq(calls.status, filter.status),
        filter.direction && eq(calls.direction, filter.direction),
        filter.agent === undefined ? undefined : eq(calls.agent, filter.agent),
        filter.to === undefined ? undefined : eq(calls.to, filter.to),
        filter.from === undefined ? undefined : eq(calls.from, filter.from),
        filter.userId === undefined ? undefined : eq(calls.userId, filter.userId),
        after &&
          or(
            lt(calls.createdAt, after.createdAt),
            and(eq(calls.createdAt, after.createdAt), lt(calls.id, after.id)),
          ),
      ),
    )
    .orderBy(desc(calls.createdAt), desc(calls.id))
    .limit(size + 1)
    .all()
  const page = found.slice(0, size)
  const last = page.at(-1)
  return { calls: page, nextCursor: found.length > size && last ? writeCursor(last) : null }
}

function writeCursor({ createdAt, id }: Call): string {
  return Buffer.from(`${createdAt}:${id}`).toString("base64url")
}

function readCursor(cursor: string): { createdAt: number; id: CallId } {
  const [, createdAt, id] =
    /^(\d{1,15}):([0-9a-f-]{36})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? []
  const parsed = CallId.safeParse(id)
  if (!parsed.success) throw new AppError("INVALID_REQUEST", "The cursor is not one of ours")
  return { createdAt: Number(createdAt), id: parsed.data }
}
