/** Work that no request waits for: follow-up jobs of calls, the comparison of open calls with Twilio, checks at the start. */

import type { AgentModel } from "./assets/agent.ts"
import { warnOfAgents } from "./control/agent-warnings.ts"
import type { ControlContext } from "./control/context.ts"
import { OUTCOME_JOB, WEBHOOK_JOB } from "./control/follow-up-jobs.ts"
import { watchCalls } from "./control/watch-calls.ts"
import { outcomeKind } from "./jobs/outcome.ts"
import { runJobs } from "./jobs/runner.ts"
import type { TranscriptLog } from "./jobs/transcript-files.ts"
import { webhookKind } from "./jobs/webhook.ts"
import { getLog } from "./lib/log.ts"
import type { ChatModel } from "./llm/chat-model.ts"
import { callLogOf } from "./server/aliases/call-log.ts"
import { endedCall } from "./server/v1/ended-call.ts"

export type Background = {
  /** Jobs that run now. */
  readonly runningJobs: number
  /** Calls that are compared with Twilio. */
  readonly watchedCalls: number
  /** Starts no further work. Resolves when the running jobs have stopped. */
  stop(): Promise<void>
}

export type BackgroundOptions = {
  control: ControlContext
  modelFor: (choice: AgentModel) => ChatModel
  transcripts: TranscriptLog | undefined
  /** Whether calls without a conversation in this process are looked up at Twilio. */
  watchesOpenCalls: boolean
}

export function startBackground({
  control,
  modelFor,
  transcripts,
  watchesOpenCalls,
}: BackgroundOptions): Background {
  const { config, store, liveCalls, sweep } = control
  const jobs = runJobs({
    jobs: store.jobs,
    steadyNow: store.steadyNow,
    kinds: {
      [OUTCOME_JOB]: outcomeKind({ context: control, modelFor }),
      [WEBHOOK_JOB]: webhookKind({
        config,
        store,
        liveCalls,
        // Receivers of Caller Assistant find the call log in it.
        describe: async (call) => ({
          ...(call.ivrMenu && config.compat.includes("s0") ? await callLogOf(store, call) : {}),
          ...(await endedCall(store, call)),
        }),
        sweep,
      }),
    },
    sweep,
    log: getLog("jobs"),
  })
  const watch = watchCalls(control, {
    onPurge: (before) => transcripts?.deleteBefore(before),
    onlyLive: !watchesOpenCalls,
  })
  control.log.background("checking agents", warnOfAgents(control))
  transcripts?.catchUp()
  return {
    get runningJobs() {
      return jobs.size
    },
    get watchedCalls() {
      return watch.size
    },
    async stop() {
      watch.stop()
      await jobs.stop()
    },
  }
}
