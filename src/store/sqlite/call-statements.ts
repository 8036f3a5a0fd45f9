/** The statements that every call runs from its first webhook to its end, prepared. */

import { and, eq, gt, isNull, notInArray, sql } from "drizzle-orm"
import type { Call } from "../../call/call.ts"
import { CallId, CallSid } from "../../call/ids.ts"
import { CallStatus, isTerminal } from "../../call/status.ts"
import type { TransferState } from "../../call/transfer-state.ts"
import { CALL_COLUMNS } from "./call-columns.ts"
import type { Db } from "./database.ts"
import { prepared } from "./prepared.ts"
import { calls } from "./schema.ts"

export const hasNotEnded = notInArray(calls.status, CallStatus.options.filter(isTerminal))
export const transferState = sql<TransferState["state"]>`json_extract(${calls.transfer}, '$.state')`

export type CallStatements = ReturnType<typeof callStatements>

export function callStatements(db: Db) {
  const named = sql.placeholder
  const byId = eq(calls.id, named("id"))
  const bySid = eq(calls.sid, named("sid"))
  const selectById = prepared(() => db.select(CALL_COLUMNS).from(calls).where(byId).prepare())
  const selectBySid = prepared(() => db.select(CALL_COLUMNS).from(calls).where(bySid).prepare())
  const selectSequence = prepared(() =>
    db.select({ last: calls.lastStatusSequence }).from(calls).where(byId).prepare(),
  )
  const updateStatus = prepared(() =>
    db
      .update(calls)
      .set({
        status: named("status"),
        answeredAt: named("answeredAt"),
        endedAt: named("endedAt"),
        durationSeconds: named("durationSeconds"),
        endedBy: named("endedBy"),
        endReason: named("endReason"),
        lastStatusSequence: named("lastStatusSequence"),
      })
      .where(byId)
      .returning(CALL_COLUMNS)
      .prepare(),
  )
  const updateToken = prepared(() =>
    db
      .update(calls)
      .set({
        socketToken: named("token"),
        socketTokenExpiresAt: named("expiresAt"),
        socketClaimedAt: null,
        // What follows a session that never opens is not what followed the one before.
        sessionId: null,
        sessionEnd: null,
      })
      .where(and(byId, hasNotEnded))
      .prepare(),
  )
  const updateClaim = prepared(() =>
    db
      .update(calls)
      .set({ socketClaimedAt: named("now") })
      .where(
        and(
          eq(calls.socketToken, named("token")),
          isNull(calls.socketClaimedAt),
          gt(calls.socketTokenExpiresAt, named("now")),
          hasNotEnded,
        ),
      )
      .returning(CALL_COLUMNS)
      .prepare(),
  )
  const updateSession = prepared(() => {
    const transfer = sql<TransferState | null>`CASE WHEN ${transferState} = 'failed'
      THEN json_set(${calls.transfer}, '$.state', 'returned') ELSE ${calls.transfer} END`
    return db
      .update(calls)
      .set({ sessionId: named("sessionId"), sessionEnd: null, transfer })
      .where(byId)
      .prepare()
  })
  const updateVersions = prepared(() =>
    db
      .update(calls)
      .set({
        contextKey: named("contextKey"),
        contextVersion: named("contextVersion"),
        manifestKey: named("manifestKey"),
        manifestVersion: named("manifestVersion"),
      })
      .where(byId)
      .prepare(),
  )

  return {
    byId: (id: CallId): Call | undefined => selectById().get({ id }),
    bySid: (sid: CallSid): Call | undefined => selectBySid().get({ sid }),
    lastStatusSequence: (id: CallId) => selectSequence().get({ id })?.last ?? null,
    updateStatus: (change: StatusChange): Call | undefined => updateStatus().get(change),
    /** Returns whether the call has not ended. */
    issueToken: (id: CallId, token: string, expiresAt: number) =>
      updateToken().run({ id, token, expiresAt }).changes > 0,
    claimToken: (token: string, now: number): Call | undefined => updateClaim().get({ token, now }),
    openSession: (id: CallId, sessionId: string) => void updateSession().run({ id, sessionId }),
    setVersions: (id: CallId, versions: Versions) => void updateVersions().run({ id, ...versions }),
  }
}

/** A SID begins with `CA` in capitals; the letters of our ids are small. */
export function isSid(call: CallId | CallSid): call is CallSid {
  return call.startsWith("CA")
}

type Versions = Pick<Call, "contextKey" | "contextVersion" | "manifestKey" | "manifestVersion">

type StatusChange = Pick<
  Call,
  "id" | "status" | "answeredAt" | "endedAt" | "durationSeconds" | "endedBy" | "endReason"
> & { lastStatusSequence: number | null }
