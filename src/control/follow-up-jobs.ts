/** What begins with the end of a call: the extraction of its outcome, then the webhook that carries it. Pure. */

import type { Agent } from "../assets/agent.ts"
import type { CallStatus } from "../call/status.ts"
import type { Config } from "../config/config.ts"
import type { FollowUps } from "../store/calls.ts"

export const OUTCOME_JOB = "outcome"
export const WEBHOOK_JOB = "webhook"

/** The caller's last words may be recognised after the end of the call; until then its record is not read, in milliseconds. */
const SETTLE_MS = 2000

export type EndedCall = {
  status: CallStatus
  agent: Pick<Agent, "outcome">
  config: Pick<Config, "webhook">
  /** When the end is stored, in milliseconds since the epoch. */
  now: number
  /** The same in steady time. */
  steadyNow: number
}

/** Jobs of one call run in this order. There is an outcome only of a call that was answered and whose agent wants one. */
export function followUpJobs({ status, agent, config, now, steadyNow }: EndedCall): FollowUps {
  const outcome = status === "completed" && agent.outcome !== undefined
  const kinds = [...(outcome ? [OUTCOME_JOB] : []), ...(config.webhook.url ? [WEBHOOK_JOB] : [])]
  return { createdAt: now, outcome, jobs: kinds.map((kind) => ({ kind, dueAt: steadyNow + SETTLE_MS })) }
}
