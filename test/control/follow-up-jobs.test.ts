import { expect, test } from "bun:test"
import type { OutcomeRule } from "../../src/assets/agent.ts"
import type { CallStatus } from "../../src/call/status.ts"
import { followUpJobs, OUTCOME_JOB, WEBHOOK_JOB } from "../../src/control/follow-up-jobs.ts"

const RULE: OutcomeRule = { name: "booking", schema: { type: "object" }, instructions: "" }

type Case = { status: CallStatus; wantsOutcome: boolean; hasWebhook: boolean; kinds: string[] }

test.each<Case>([
  { status: "completed", wantsOutcome: true, hasWebhook: true, kinds: [OUTCOME_JOB, WEBHOOK_JOB] },
  { status: "completed", wantsOutcome: true, hasWebhook: false, kinds: [OUTCOME_JOB] },
  { status: "completed", wantsOutcome: false, hasWebhook: true, kinds: [WEBHOOK_JOB] },
  { status: "completed", wantsOutcome: false, hasWebhook: false, kinds: [] },
  { status: "no-answer", wantsOutcome: true, hasWebhook: true, kinds: [WEBHOOK_JOB] },
  { status: "failed", wantsOutcome: true, hasWebhook: false, kinds: [] },
])(
  "after $status, with an outcome: $wantsOutcome and a webhook: $hasWebhook, follows $kinds",
  ({ status, wantsOutcome, hasWebhook, kinds }) => {
    const url = hasWebhook ? "https://hooks.example" : undefined
    const config = { webhook: { url, secret: undefined, source: "CAP_AI", timeoutMs: 1000 } }
    const agent = wantsOutcome ? { outcome: RULE } : {}
    const followUps = followUpJobs({ status, agent, config, now: 10_000, steadyNow: 20_000 })
    expect(followUps).toMatchObject({ createdAt: 10_000, outcome: kinds.includes(OUTCOME_JOB) })
    expect(followUps.jobs).toEqual(kinds.map((kind) => ({ kind, dueAt: 22_000 })))
  },
)
