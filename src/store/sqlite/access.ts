/** Runs the work of the store on the database. Work waits while another process has it locked, without blocking calls. */

import type { Database } from "bun:sqlite"
import { AppError } from "../../lib/errors.ts"
import type { Sweep } from "../../lib/sweep.ts"
import { isLocked } from "./database.ts"

/** Twilio waits 15 seconds for the answer to a webhook; this leaves time for the rest. */
const GIVE_UP_MS = 10_000
const RETRY_MS = 50
/** Writes that may wait at the same time. */
const MAX_WAITING = 10_000

type Waiting = {
  giveUpAt: number
  /** Settles the promise of the work. Returns the error of a database that is still locked. */
  attempt: () => unknown
  giveUp: (cause: unknown) => void
}

/** What both methods return rejects with what the work throws, and with `AppError` UNAVAILABLE when the lock stays. */
export class Access {
  readonly #client: Database
  readonly #sweep: Sweep
  readonly #waiting: Waiting[] = []
  readonly #closing = new AbortController()
  #cancelRetry: (() => void) | undefined

  constructor({ client, sweep }: { client: Database; sweep: Sweep }) {
    this.#client = client
    this.#sweep = sweep
  }

  /** Runs work that only reads: at once, and again while the database is locked. */
  async read<T>(work: () => T): Promise<T> {
    const giveUpAt = this.#sweep.clock.monotonic() + GIVE_UP_MS
    for (;;) {
      if (this.#closing.signal.aborted) throw closedError()
      const attempt = tryNow(work)
      if (attempt.done) return attempt.value
      if (this.#sweep.clock.monotonic() >= giveUpAt) throw lockedError(attempt.locked)
      await this.#sweep.sleep(RETRY_MS, this.#closing.signal)
    }
  }

  /**
   * Runs work that may write: at once, or, while other work waits for the database, after that. The work must bear to be
   * started over: it is one statement or one transaction.
   */
  async write<T>(work: () => T, { giveUpMs = GIVE_UP_MS } = {}): Promise<T> {
    if (this.#closing.signal.aborted) throw closedError()
    if (this.#waiting.length === 0) {
      const attempt = tryNow(work)
      if (attempt.done) return attempt.value
    }
    if (this.#waiting.length >= MAX_WAITING) throw lockedError(undefined)
    return this.#wait(work, giveUpMs)
  }

  /** Like `write`, as one transaction that is alone from its beginning. What throws takes everything back. */
  transaction<T>(work: () => T, options: { giveUpMs?: number } = {}): Promise<T> {
    // Synchronous to its end: an asynchronous callback would commit at its first `await`.
    return this.write(() => this.#client.transaction(work).immediate(), options)
  }

  /** Rejects what waits. */
  close(): void {
    this.#closing.abort()
    this.#cancelRetry?.()
    for (const { giveUp } of this.#waiting.splice(0)) giveUp(undefined)
  }

  #wait<T>(work: () => T, giveUpMs: number): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#waiting.push({
      giveUpAt: this.#sweep.clock.monotonic() + giveUpMs,
      attempt() {
        try {
          const attempt = tryNow(work)
          if (!attempt.done) return attempt.locked
          resolve(attempt.value)
        } catch (error) {
          reject(error)
        }
        return undefined
      },
      giveUp: (cause) => reject(cause === undefined ? closedError() : lockedError(cause)),
    })
    this.#cancelRetry ??= this.#sweep.after(RETRY_MS, () => this.#retry())
    return promise
  }

  /** Only the first is tried while the lock stays: each attempt may block for as long as a statement may wait. */
  #retry(): void {
    this.#cancelRetry = undefined
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const locked = first.attempt()
      if (locked === undefined) {
        this.#waiting.shift()
        continue
      }
      const now = this.#sweep.clock.monotonic()
      const late = this.#waiting.filter(({ giveUpAt }) => giveUpAt <= now)
      for (const waiting of late) {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        waiting.giveUp(locked)
      }
      break
    }
    if (this.#waiting.length > 0) this.#cancelRetry = this.#sweep.after(RETRY_MS, () => this.#retry())
  }
}

/** Runs work on the database. */
export type Runner = Pick<Access, "read" | "write" | "transaction">

/** Runs work once, at once. What it returns rejects with the error of SQLite while the database is locked. */
export function directAccess(client: Database): Runner {
  const run = async <T>(work: () => T) => work()
  return {
    read: run,
    write: run,
    transaction: (work) => run(() => client.transaction(work).immediate()),
  }
}

type Attempt<T> = { done: true; value: T } | { done: false; locked: unknown }

function tryNow<T>(work: () => T): Attempt<T> {
  try {
    return { done: true, value: work() }
  } catch (error) {
    if (!isLocked(error)) throw error
    return { done: false, locked: error }
  }
}

function lockedError(cause: unknown): AppError {
  return new AppError("UNAVAILABLE", "The database is locked by another process.", {
    cause,
    retryAfterSeconds: 5,
  })
}

export function closedError(): AppError {
  return new AppError("INTERNAL", "The database is closed.")
}
