/** Reports of a call's status in SQLite: the end of a call, who ended it and what follows become true together. */

import type { CallId, CallSid } from "../../call/ids.ts"
import { advance, isTerminal, type CallStatus } from "../../call/status.ts"
import type { Advance, FollowUps, StatusReport } from "../calls.ts"
import { isSid, type CallStatements } from "./call-statements.ts"
import type { Db } from "./database.ts"
import { addJob } from "./jobs.ts"
import { setOutcome } from "./outcomes.ts"

/** To be run in one transaction. */
export function advanceCall(
  { db, statements }: { db: Db; statements: CallStatements },
  id: CallId | CallSid,
  incoming: CallStatus,
  { sequence, at, durationSeconds, end }: StatusReport,
): Advance | undefined {
  const current = isSid(id) ? statements.bySid(id) : statements.byId(id)
  if (!current) return undefined
  const last = statements.lastStatusSequence(current.id)
  const status = advance(current.status, incoming)
  const changed = status !== current.status
  const ends = isTerminal(incoming) && status === incoming
  const endNoted = end !== undefined && changed && isTerminal(status) && current.endedBy === null
  const call = statements.updateStatus({
    id: current.id,
    status,
    answeredAt: current.answeredAt ?? (incoming === "in-progress" && status === incoming ? at : null),
    endedAt: current.endedAt ?? (ends ? at : null),
    durationSeconds: current.durationSeconds ?? (ends ? (durationSeconds ?? null) : null),
    lastStatusSequence: sequence === undefined ? last : Math.max(sequence, last ?? 0),
    endedBy: endNoted ? end.by : current.endedBy,
    endReason: endNoted ? end.reason : current.endReason,
  })
  if (!call) return undefined
  if (end && changed && isTerminal(status)) addFollowUps(db, call.id, end.followUps)
  return { call, previous: current.status, changed, endNoted }
}

function addFollowUps(db: Db, callId: CallId, { createdAt, outcome, jobs }: FollowUps): void {
  if (outcome) setOutcome(db, callId, { status: "pending" }, createdAt)
  for (const { kind, dueAt } of jobs) addJob(db, { kind, callId, dueAt, createdAt })
}
