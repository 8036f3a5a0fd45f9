/** Runs the jobs of the store: a few at once, those of one call one after the other, each again until it is done. */

import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Job, Jobs } from "../store/jobs.ts"

export type JobResult =
  | { done: true }
  /** Not yet: this does not count as an attempt. */
  | { later: number }
  /** `final`: another attempt would fail too. */
  | { failed: string; final?: boolean }

export type JobKind = {
  /** What it throws counts as a failure. Must end when the signal is aborted. */
  run(job: Job, signal: AbortSignal): Promise<JobResult>
  /** Is told that there will be no further attempt. */
  givenUp?(job: Job, error: string): void
  maxAttempts: number
  /** Pause after the attempt of this number, counted from 1, in milliseconds. */
  pauseMs(attempt: number): number
  /** Longest run, in milliseconds. */
  timeoutMs: number
}

export type JobRunnerOptions = {
  jobs: Jobs
  kinds: Readonly<Record<string, JobKind>>
  sweep: Sweep
  log: Log
  /** Jobs at once. */
  concurrency?: number
  /** How often the store is asked for what is due, in milliseconds. */
  everyMs?: number
}

export type JobRunner = {
  /** Jobs that run now. */
  readonly size: number
  /** Begins what is due now, without waiting for the next look. */
  wake(): void
  /** Leaves what runs for the next start. Stopping twice is harmless. */
  stop(): void
}

/** Added to the longest run before a job of a process that died is due again, in milliseconds. */
const LEASE_GRACE_MS = 10_000

export function runJobs({
  jobs,
  kinds,
  sweep,
  log,
  concurrency = 4,
  everyMs = 500,
}: JobRunnerOptions): JobRunner {
  const running = new Map<string, AbortController>()
  let stopped = false
  const cancel = sweep.every(everyMs, look)

  function look(): void {
    if (stopped || running.size >= concurrency) return
    const now = sweep.clock.now()
    for (const { id, kind: name } of jobs.due(now, concurrency - running.size)) {
      const kind = kinds[name]
      if (!kind) {
        jobs.fail(id, `nothing is known of jobs of the kind ${name}`, now)
        continue
      }
      const job = jobs.lease(id, now, now + kind.timeoutMs + LEASE_GRACE_MS)
      if (job) log.background("running a job", run(job, kind))
    }
  }

  async function run(job: Job, kind: JobKind): Promise<void> {
    const controller = new AbortController()
    running.set(job.id, controller)
    const cancelLimit = sweep.after(kind.timeoutMs, () => controller.abort(new Error("it took too long")))
    const result = await attempt(job, kind, controller.signal)
    cancelLimit()
    running.delete(job.id)
    if (stopped) return
    settle(job, kind, result)
    look()
  }

  function settle(job: Job, kind: JobKind, result: JobResult): void {
    const now = sweep.clock.now()
    if ("done" in result) return jobs.finish(job.id, now)
    if ("later" in result) {
      return jobs.again(job.id, { dueAt: now + result.later, error: job.lastError, used: false })
    }
    const { failed: error, final = false } = result
    const fields = { kind: job.kind, jobId: job.id, attempt: job.attempts, error }
    if (!final && job.attempts < kind.maxAttempts) {
      log.warn("a job failed and is tried again", fields)
      return jobs.again(job.id, { dueAt: now + kind.pauseMs(job.attempts), error, used: true })
    }
    log.error("a job failed and is given up", fields)
    jobs.fail(job.id, error, now)
    kind.givenUp?.(job, error)
  }

  look()
  return {
    get size() {
      return running.size
    },
    wake: look,
    stop() {
      if (stopped) return
      stopped = true
      cancel()
      for (const [id, controller] of running) {
        jobs.again(id, { dueAt: sweep.clock.now(), error: null, used: false })
        controller.abort(new Error("the server stops"))
      }
      running.clear()
    },
  }
}

async function attempt(job: Job, kind: JobKind, signal: AbortSignal): Promise<JobResult> {
  try {
    return await kind.run(job, signal)
  } catch (error) {
    return { failed: messageOf(signal.aborted ? signal.reason : error) }
  }
}
