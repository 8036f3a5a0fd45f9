/** What was learned in calls. One outcome for each call, replaced when it is extracted again. */

import type { CallId } from "../call/ids.ts"

export type StoredOutcome = {
  callId: CallId
  status: "pending" | "ready" | "failed"
  data: unknown
  error: string | null
  /** Milliseconds since the epoch, as all times here. */
  createdAt: number
  updatedAt: number
}

export type OutcomeState =
  { status: "pending" } | { status: "ready"; data: unknown } | { status: "failed"; error: string }

export interface Outcomes {
  of(callId: CallId): Promise<StoredOutcome | undefined>

  /** Replaces the state. What was known before stays until something new is. */
  set(callId: CallId, state: OutcomeState, at: number): Promise<void>

  /**
   * Has the outcome extracted once more: starts the job of this kind, or starts it over where it has ended, and makes the
   * outcome pending. Where the job waits or runs, nothing changes. `dueAt` is steady time. Resolves to the outcome.
   */
  request(
    callId: CallId,
    job: { kind: string; at: number; dueAt: number },
  ): Promise<StoredOutcome | undefined>

  /** There is nothing to be learned after all. */
  forget(callId: CallId): Promise<void>
}
