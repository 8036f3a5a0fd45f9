/** Reports of a call's status in SQLite: the end of a call, who ended it and what follows become true together. */

import { type SQL } from "drizzle-orm"
import type { CallId } from "../../call/ids.ts"
import { advance, isTerminal, type CallStatus } from "../../call/status.ts"
import type { Advance, FollowUps, StatusReport } from "../calls.ts"
import { CALL_COLUMNS } from "./call-columns.ts"
import type { Db } from "./database.ts"
import { addJob } from "./jobs.ts"
import { setOutcome } from "./outcomes.ts"
import { calls } from "./schema.ts"

/** To be run in one transaction. */
export function advanceCall(
  db: Db,
  where: SQL,
  incoming: CallStatus,
  { sequence, at, durationSeconds, end }: StatusReport,
): Advance | undefined {
  const before = db
    .select({ ...CALL_COLUMNS, lastStatusSequence: calls.lastStatusSequence })
    .from(calls)
    .where(where)
    .get()
  if (!before) return undefined
  const { lastStatusSequence: last, ...current } = before
  const status = advance(current.status, incoming)
  const changed = status !== current.status
  const ends = isTerminal(incoming) && status === incoming
  const endNoted = end !== undefined && changed && isTerminal(status) && current.endedBy === null
  const call = db
    .update(calls)
    .set({
      status,
      answeredAt: current.answeredAt ?? (incoming === "in-progress" && status === incoming ? at : null),
      endedAt: current.endedAt ?? (ends ? at : null),
      durationSeconds: current.durationSeconds ?? (ends ? (durationSeconds ?? null) : null),
      lastStatusSequence: sequence === undefined ? last : Math.max(sequence, last ?? 0),
      ...(endNoted ? { endedBy: end.by, endReason: end.reason } : {}),
    })
    .where(where)
    .returning(CALL_COLUMNS)
    .get()
  if (!call) return undefined
  if (end && changed && isTerminal(status)) addFollowUps(db, call.id, end.followUps)
  return { call, previous: current.status, changed, endNoted }
}

function addFollowUps(db: Db, callId: CallId, { createdAt, outcome, jobs }: FollowUps): void {
  if (outcome) setOutcome(db, callId, { status: "pending" }, createdAt)
  for (const { kind, dueAt } of jobs) addJob(db, { kind, callId, dueAt, createdAt })
}
