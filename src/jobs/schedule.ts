/** What is done once a call is over: the outcome first, then the webhook that carries it. */

import type { Call } from "../call/call.ts"
import type { RecordedEvent } from "../call/events.ts"
import { isTerminal } from "../call/status.ts"
import { AppError } from "../lib/errors.ts"
import { agentOf, type ControlContext } from "../control/context.ts"
import { OUTCOME_JOB, toOutcome, type Outcome } from "./outcome.ts"
import { WEBHOOK_JOB } from "./webhook.ts"

/** Before the record of a call is read: the caller's last words may be recognised after the end, in milliseconds. */
const SETTLE_MS = 2000

/** Takes notice of every event; at the end of a call its jobs are kept before anything else happens. */
export function afterCall(context: ControlContext, { callId, event }: RecordedEvent): void {
  if (event.type !== "call.status-changed" || !isTerminal(event.status)) return
  const { store, sweep, config } = context
  const call = store.calls.byId(callId)
  if (!call) return
  const createdAt = sweep.clock.now()
  const dueAt = createdAt + SETTLE_MS
  if (event.status === "completed" && agentOf(context, call).outcome) {
    store.outcomes.set(callId, { status: "pending" }, createdAt)
    store.jobs.add({ kind: OUTCOME_JOB, callId, dueAt, createdAt })
  }
  if (config.webhook.url) store.jobs.add({ kind: WEBHOOK_JOB, callId, dueAt, createdAt })
}

/** Extracts the outcome again. Throws `AppError` CONFLICT for a call that goes on or whose agent wants none. */
export function extractAgain(context: ControlContext, call: Call): Outcome {
  const { store, sweep } = context
  if (!isTerminal(call.status)) throw new AppError("CONFLICT", "The call is not over yet.")
  if (!agentOf(context, call).outcome) {
    throw new AppError(
      "CONFLICT",
      `The agent ${call.agent} has no outcome. Declare its schema in the configuration.`,
    )
  }
  const now = sweep.clock.now()
  const running = store.jobs.newest(call.id, OUTCOME_JOB)?.state === "waiting"
  store.outcomes.set(call.id, { status: "pending" }, now)
  if (!running) store.jobs.add({ kind: OUTCOME_JOB, callId: call.id, dueAt: now, createdAt: now })
  return toOutcome(store.outcomes.of(call.id))
}
