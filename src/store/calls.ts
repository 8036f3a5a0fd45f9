/** Questions about calls, and what changes them. Every method is synchronous and one transaction. */

import {
  and,
  asc,
  count,
  desc,
  eq,
  getColumns,
  gt,
  gte,
  isNull,
  lt,
  min,
  notInArray,
  or,
  sql,
} from "drizzle-orm"
import type { Call, Direction, EndCause } from "../call/call.ts"
import type { Engine } from "../call/engine.ts"
import { CallId, CallSid } from "../call/ids.ts"
import type { SessionEnd } from "../call/session-end.ts"
import { advance, CallStatus, isTerminal } from "../call/status.ts"
import type { TransferState } from "../call/transfer-state.ts"
import { AppError } from "../lib/errors.ts"
import { sqliteCode, type Db } from "./database.ts"
import { calls } from "./schema.ts"

/** What is known of a call when it begins. */
export type NewCall = Omit<
  Call,
  | "resumes"
  | "sessionEnd"
  | "transfer"
  | "answeredAt"
  | "endedAt"
  | "durationSeconds"
  | "endedBy"
  | "endReason"
  | "contextKey"
  | "contextVersion"
  | "manifestKey"
  | "manifestVersion"
> & {
  idempotencyKey?: string | null
  /** Tells a repeated request from another one under the same key. */
  requestHash?: string | null
}

export type CallFilter = {
  status?: CallStatus | undefined
  direction?: Direction | undefined
  agent?: string | undefined
  to?: string | undefined
  from?: string | undefined
  userId?: string | undefined
  /** At most 200. */
  limit: number
  /** As an earlier page gave it. */
  cursor?: string | undefined
}

export type StatusReport = {
  /** Twilio's `SequenceNumber`. (Twilio: "Call resource: StatusCallback".) */
  sequence?: number | undefined
  /** When it happened, in milliseconds since the epoch. */
  at: number
  durationSeconds?: number | undefined
}

export type Calls = ReturnType<typeof createCalls>

const TERMINAL = CallStatus.options.filter(isTerminal)
const MAX_PAGE = 200

export function createCalls(db: Db) {
  const { idempotencyKey, requestHash, socketToken, socketTokenExpiresAt, socketClaimedAt, ...rest } =
    getColumns(calls)
  const { sessionId: _, lastStatusSequence, ...columns } = rest

  function one(where: ReturnType<typeof eq>): Call | undefined {
    return db.select(columns).from(calls).where(where).get()
  }

  function byId(id: CallId): Call | undefined {
    return one(eq(calls.id, id))
  }

  function bySid(sid: CallSid): Call | undefined {
    return one(eq(calls.sid, sid))
  }

  return {
    byId,
    bySid,

    /** Throws `AppError` CONFLICT for an id, SID or idempotency key that is taken. */
    create(call: NewCall): Call {
      try {
        return db.insert(calls).values(call).returning(columns).get()
      } catch (error) {
        if (!sqliteCode(error)?.startsWith("SQLITE_CONSTRAINT")) throw error
        throw new AppError("CONFLICT", "This call exists already", { cause: error })
      }
    },

    /** Newest first. Throws `AppError` INVALID_REQUEST for a cursor that is not ours. */
    list({ limit, cursor, ...filter }: CallFilter): { calls: Call[]; nextCursor: string | null } {
      const size = Math.min(Math.max(1, Math.floor(limit)), MAX_PAGE)
      const after = cursor === undefined ? undefined : readCursor(cursor)
      const found = db
        .select(columns)
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
    },

    /** Gives a placed call the name that Twilio answered with. */
    attachSid(id: CallId, sid: CallSid): void {
      db.update(calls).set({ sid }).where(eq(calls.id, id)).run()
    },

    /**
     * Takes in a report about a call; undefined for a call that is not known. `changed` is false for a report that is
     * repeated or late, which at most adds the duration.
     */
    advanceStatus(
      call: CallId | CallSid,
      incoming: CallStatus,
      { sequence, at, durationSeconds }: StatusReport,
    ): { call: Call; previous: CallStatus; changed: boolean } | undefined {
      const where = isSid(call) ? eq(calls.sid, call) : eq(calls.id, call)
      return db.transaction(
        (tx) => {
          const before = tx
            .select({ ...columns, lastStatusSequence })
            .from(calls)
            .where(where)
            .get()
          if (!before) return undefined
          const { lastStatusSequence: last, ...current } = before
          const status = advance(current.status, incoming)
          const ends = isTerminal(incoming) && status === incoming
          const after = tx
            .update(calls)
            .set({
              status,
              answeredAt:
                current.answeredAt ?? (incoming === "in-progress" && status === incoming ? at : null),
              endedAt: current.endedAt ?? (ends ? at : null),
              durationSeconds: current.durationSeconds ?? (ends ? (durationSeconds ?? null) : null),
              lastStatusSequence: sequence === undefined ? last : Math.max(sequence, last ?? 0),
            })
            .where(where)
            .returning(columns)
            .get()
          return after && { call: after, previous: current.status, changed: status !== current.status }
        },
        { behavior: "immediate" },
      )
    },

    /** Notes who ended the call and why. The first to say so is right; returns whether this was the first. */
    end(id: CallId, { by, reason }: EndCause): boolean {
      const noted = db
        .update(calls)
        .set({ endedBy: by, endReason: reason })
        .where(and(eq(calls.id, id), isNull(calls.endedBy)))
        .run()
      return noted.changes > 0
    },

    /** Gives the call a one-time token for its next socket, in place of an earlier one. */
    issueToken(id: CallId, token: string, expiresAt: number): void {
      db.update(calls)
        .set({ socketToken: token, socketTokenExpiresAt: expiresAt, socketClaimedAt: null })
        .where(eq(calls.id, id))
        .run()
    },

    /** The call of a token; undefined for one that is unknown, used, expired, or of a call that has ended. */
    claimToken(token: string, now: number): Call | undefined {
      return db
        .update(calls)
        .set({ socketClaimedAt: now })
        .where(
          and(
            eq(socketToken, token),
            isNull(socketClaimedAt),
            gt(socketTokenExpiresAt, now),
            notInArray(calls.status, TERMINAL),
          ),
        )
        .returning(columns)
        .get()
    },

    /** Counts one more resumption and returns how many there were; 0 for a call that is not known. */
    countResume(id: CallId): number {
      const counted = db
        .update(calls)
        .set({ resumes: sql`${calls.resumes} + 1` })
        .where(eq(calls.id, id))
        .returning({ resumes: calls.resumes })
        .get()
      return counted?.resumes ?? 0
    },

    /** A session of the call has opened: the end of the last one is cleared, and a failed transfer is `returned`. */
    openSession(id: CallId, sessionId: string): void {
      const isFailed = sql`json_extract(${calls.transfer}, '$.state') = 'failed'`
      const transfer = sql<TransferState | null>`CASE WHEN ${isFailed}
        THEN json_set(${calls.transfer}, '$.state', 'returned') ELSE ${calls.transfer} END`
      db.update(calls).set({ sessionId, sessionEnd: null, transfer }).where(eq(calls.id, id)).run()
    },

    /**
     * Records how a session of the call ended; returns whether that was recorded. With `sessionId` only the end of that
     * session is, while no later one has opened.
     */
    endSession(id: CallId, { end, sessionId }: { end: SessionEnd; sessionId?: string | undefined }): boolean {
      const isCurrent = sessionId === undefined ? undefined : eq(calls.sessionId, sessionId)
      const recorded = db
        .update(calls)
        .set({ sessionEnd: end })
        .where(and(eq(calls.id, id), isCurrent))
        .run()
      return recorded.changes > 0
    },

    /** Records how far the transfer of the call has come. */
    setTransfer(id: CallId, transfer: TransferState): void {
      db.update(calls).set({ transfer }).where(eq(calls.id, id)).run()
    },

    /** The call goes on with another engine. */
    setEngine(id: CallId, engine: Engine): void {
      db.update(calls).set({ engine }).where(eq(calls.id, id)).run()
    },

    /** Notes with which versions of context and manifest the call goes on. */
    setVersions(
      id: CallId,
      versions: Pick<Call, "contextKey" | "contextVersion" | "manifestKey" | "manifestVersion">,
    ): void {
      db.update(calls).set(versions).where(eq(calls.id, id)).run()
    },

    /** Calls that have not ended, oldest first. */
    open(): Call[] {
      return db
        .select(columns)
        .from(calls)
        .where(notInArray(calls.status, TERMINAL))
        .orderBy(asc(calls.createdAt), asc(calls.id))
        .all()
    },

    /** Calls placed through the API at or after `since`: of one user, of requests bound to no user (null), or all. */
    startsSince(since: number, userId?: string | null): { count: number; oldestAt: number | null } {
      const found = db
        .select({ count: count(), oldestAt: min(calls.createdAt) })
        .from(calls)
        .where(
          and(
            eq(calls.direction, "outbound"),
            gte(calls.createdAt, since),
            userId === undefined ? undefined : eq(sql`coalesce(${calls.userId}, '')`, userId ?? ""),
          ),
        )
        .get()
      return found ?? { count: 0, oldestAt: null }
    },

    findByIdempotencyKey(
      userId: string | null,
      key: string,
    ): { call: Call; requestHash: string | null } | undefined {
      const found = db
        .select({ ...columns, requestHash })
        .from(calls)
        .where(and(eq(sql`coalesce(${calls.userId}, '')`, userId ?? ""), eq(idempotencyKey, key)))
        .get()
      if (!found) return undefined
      const { requestHash: hash, ...call } = found
      return { call, requestHash: hash }
    },
  }
}

function isSid(call: CallId | CallSid): call is CallSid {
  return CallSid.safeParse(call).success
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
