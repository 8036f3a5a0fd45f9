/** Work that must survive a restart. A job that runs is due again later: a process that dies with it loses nothing. */

import type { CallId } from "../call/ids.ts"

export type Job = {
  id: string
  kind: string
  callId: CallId | null
  payload: unknown
  /** When it may run; of a job that runs, when its lease ends. Steady time (`Store.steadyNow`), as `now` and `until` below. */
  dueAt: number
  /** Counted from 1 when the first attempt begins. */
  attempts: number
  state: "waiting" | "done" | "failed"
  lastError: string | null
  /** Milliseconds since the epoch. */
  createdAt: number
  doneAt: number | null
}

export type NewJob = {
  kind: string
  callId: CallId
  payload?: unknown
  dueAt: number
  createdAt: number
}

/** A job as `lease` gave it. It counts until `dueAt`, and only for who was given it last. */
export type Lease = Pick<Job, "id" | "dueAt" | "attempts">

export type JobKinds = { only: readonly string[] } | { except: readonly string[] }

export interface Jobs {
  /** Adds a job, once for each call and kind. Resolves to its id; undefined where there is one already, also one that ended. */
  add(job: NewJob): Promise<string | undefined>

  /**
   * Jobs that may run now, the longest due first. Of each call only the oldest that waits, so that they run one by one.
   * Default: of every kind.
   */
  due(now: number, limit: number, kinds?: JobKinds): Promise<Job[]>

  /** Takes a job that `due` gave for one attempt until `until`; undefined if another process has it. */
  lease(id: string, now: number, until: number): Promise<Job | undefined>

  /** The job is done. False, and nothing changes, when the lease is lost; also in the two methods that follow. */
  finish(lease: Lease, at: number): Promise<boolean>

  /** There will be no further attempt. */
  fail(lease: Lease, error: string, at: number): Promise<boolean>

  /** Another attempt at `dueAt`. One that was not used up is given back. */
  again(lease: Lease, next: { dueAt: number; error: string | null; used: boolean }): Promise<boolean>

  /** Adds a job, or restarts it with all its attempts, whatever its state. Its id stays. */
  restart(job: NewJob): Promise<void>

  /** The job of this kind of the call. */
  find(callId: CallId, kind: string): Promise<Job | undefined>

  /** The jobs of one kind of several calls, in no order. */
  findAll(callIds: readonly CallId[], kind: string): Promise<Job[]>
}
