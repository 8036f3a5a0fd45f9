/** Runs the jobs of the store: a few at once, those of one call one after the other, each again until it is done. */

import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Job, Jobs } from "../store/jobs.ts"
import { CircuitBreaker } from "./circuit-breaker.ts"

export type JobResult =
  | { done: true }
  /** Not yet: this does not count as an attempt. */
  | { later: number }
  /**
   * `failed` is stored and shown. `final`: another attempt would fail too. `logged`: what the log gets instead, where the
   * reason quotes somebody else. `isTargetUp`: the target answered, so that other jobs need not wait for it.
   */
  | { failed: string; final?: boolean; logged?: Record<string, unknown>; isTargetUp?: boolean }

export type JobKind = {
  /** What it throws counts as a failure. Must end when the signal is aborted. */
  run(job: Job, signal: AbortSignal): Promise<JobResult>
  /** Called before the job fails for good; called again if the process dies in between. */
  givenUp?(job: Job, error: string): Promise<void>
  maxAttempts: number
  /** Pause after the attempt of this number, counted from 1, in milliseconds. */
  pauseMs(attempt: number): number
  /** Longest run, in milliseconds. */
  timeoutMs: number
  /** What all jobs of this kind need, such as the host of a receiver: while it fails, few of them are tried. */
  target?: string | undefined
}

export type JobRunnerOptions = {
  jobs: Jobs
  /** The time in which jobs are due (`Store.steadyNow`). */
  steadyNow: () => number
  kinds: Readonly<Record<string, JobKind>>
  sweep: Sweep
  log: Log
  /** Jobs of each kind at once: one kind that hangs takes no place from another. */
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
  stop(): Promise<void>
}

/** Added to the longest run before a job of a process that died is due again, in milliseconds. */
const LEASE_GRACE_MS = 10_000

export function runJobs({
  jobs,
  steadyNow,
  kinds,
  sweep,
  log,
  concurrency = 4,
  everyMs = 500,
}: JobRunnerOptions): JobRunner {
  const running = new Map<string, { job: Job; controller: AbortController }>()
  /** Only one look at a time: between asking and leasing the number of running jobs must not grow. */
  let looking: "no" | "once" | "again" = "no"
  const names = Object.keys(kinds)
  const breakers = new Map(names.map((name) => [name, new CircuitBreaker({ clock: sweep.clock })]))
  let stopped = false
  const cancel = sweep.every(everyMs, wake)

  function wake(): void {
    if (stopped) return
    if (looking === "no") log.background("looking for jobs", look())
    else looking = "again"
  }

  async function look(): Promise<void> {
    try {
      do {
        looking = "once"
        await startDue()
      } while (isAskedAgain())
    } finally {
      looking = "no"
    }
  }

  function isAskedAgain(): boolean {
    return looking === "again" && !stopped
  }

  async function startDue(): Promise<void> {
    await failUnknown()
    for (const [name, kind] of Object.entries(kinds)) await startKind(name, kind)
  }

  async function startKind(name: string, kind: JobKind): Promise<void> {
    const busy = [...running.values()].filter(({ job }) => job.kind === name).length
    const free = Math.min(concurrency, breakers.get(name)?.allowed ?? concurrency) - busy
    if (stopped || free <= 0) return
    const now = steadyNow()
    for (const { id } of await jobs.due(now, free, { only: [name] })) {
      if (stopped) return
      if (running.has(id)) continue
      const job = await jobs.lease(id, now, now + kind.timeoutMs + LEASE_GRACE_MS)
      if (!job) continue
      if (stopped) await giveBack(job)
      else log.background("running a job", run(job, kind))
    }
  }

  async function failUnknown(): Promise<void> {
    if (stopped) return
    const now = steadyNow()
    for (const { id, kind } of await jobs.due(now, concurrency, { except: names })) {
      const job = await jobs.lease(id, now, now + LEASE_GRACE_MS)
      if (job) await jobs.fail(job, `nothing is known of jobs of the kind ${kind}`, sweep.clock.now())
    }
  }

  /** What a result says of the target of its kind. A job that failed for a reason of its own says nothing. */
  function heedTarget({ kind }: Job, { target }: JobKind, result: JobResult): void {
    const breaker = breakers.get(kind)
    if (target === undefined || !breaker || "later" in result) return
    if ("done" in result || result.isTargetUp) {
      if (breaker.succeeded()) log.info("jobs reach their target again", { kind, target })
      return
    }
    const pauseMs = result.final ? undefined : breaker.failed()
    if (pauseMs !== undefined)
      log.warn("the target of jobs fails and is left alone", { kind, target, pauseMs })
  }

  async function run(job: Job, kind: JobKind): Promise<void> {
    const controller = new AbortController()
    running.set(job.id, { job, controller })
    const cancelLimit = sweep.after(kind.timeoutMs, () => controller.abort(new Error("it took too long")))
    try {
      const result = await attempt(job, kind, controller.signal)
      heedTarget(job, kind, result)
      if (!stopped) await settle(job, kind, result)
    } finally {
      cancelLimit()
      running.delete(job.id)
    }
    wake()
  }

  async function settle(job: Job, kind: JobKind, result: JobResult): Promise<void> {
    const now = steadyNow()
    if ("done" in result) return void (await jobs.finish(job, sweep.clock.now()))
    if ("later" in result) {
      const next = { dueAt: now + result.later, error: job.lastError, used: false }
      return void (await jobs.again(job, next))
    }
    const { failed: error, final = false, logged = { error } } = result
    const fields = { kind: job.kind, callId: job.callId, jobId: job.id, attempt: job.attempts, ...logged }
    if (!final && job.attempts < kind.maxAttempts) {
      log.warn("a job failed and is tried again", fields)
      return void (await jobs.again(job, { dueAt: now + kind.pauseMs(job.attempts), error, used: true }))
    }
    log.error("job failed, no attempt left", fields)
    await kind.givenUp?.(job, error)
    await jobs.fail(job, error, sweep.clock.now())
  }

  function giveBack(job: Job): Promise<boolean> {
    return jobs.again(job, { dueAt: steadyNow(), error: null, used: false })
  }

  wake()
  return {
    get size() {
      return running.size
    },
    wake,
    async stop() {
      if (stopped) return
      stopped = true
      cancel()
      const interrupted = [...running.values()]
      running.clear()
      const givenBack = Promise.all(interrupted.map(({ job }) => giveBack(job)))
      for (const { controller } of interrupted) controller.abort(new Error("the server stops"))
      await givenBack
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
