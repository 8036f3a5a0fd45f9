/**
 * Stands in for a database that cannot be written now, because it is locked, full, read-only or failing: calls are kept
 * in memory, and are stored when it can be written again.
 */

import { count, eq, type SQL } from "drizzle-orm"
import type { RecordedEvent } from "../../call/events.ts"
import type { Turn } from "../../call/turn.ts"
import { AppError } from "../../lib/errors.ts"
import type { Log } from "../../lib/log.ts"
import type { Sweep } from "../../lib/sweep.ts"
import type { Calls } from "../calls.ts"
import type { Receipts } from "../receipts.ts"
import type { UsageRecords } from "../usage.ts"
import { closedError, directAccess } from "./access.ts"
import { createCalls } from "./calls.ts"
import { isDatabaseFault, openDatabase, sqliteCode, type Db } from "./database.ts"
import { storeHeldRows } from "./held-rows.ts"
import { createReceipts } from "./receipts.ts"
import { calls, events, jobs, outcomes, receipts, turns, usage } from "./schema.ts"
import { loadUnsaved, saveForNextStart } from "./unsaved.ts"
import { createUsage } from "./usage.ts"

/** How often the database is tried while calls are in memory, in milliseconds. */
const RETRY_MS = 250
/** A call takes some 2 KB. */
const MAX_HELD_CALLS = 10_000

/** What a call needs from its first webhook to its end. */
export type CallTables = { db: Db; calls: Calls; receipts: Receipts; usage: UsageRecords }

export type StandInOptions = {
  db: Db
  /** Beside this file is kept what cannot be written before the process ends. Undefined: it is lost. */
  path?: string | undefined
  /** What statements of `db` wait for a lock, in milliseconds. */
  busyTimeoutMs: number
  sweep: Sweep
  log: Log
}

export class StandIn {
  readonly #options: StandInOptions
  readonly #main: CallTables
  #memory: CallTables | undefined
  #isActive = false
  #isClosed = false
  #fault: unknown
  #cancelRetry = () => {}

  /** Whether what earlier processes could not write may still be in files. */
  #hasUnsaved = true

  constructor(options: StandInOptions) {
    this.#options = options
    this.#main = tablesOf(options.db)
    try {
      this.#loadUnsaved()
    } catch (error) {
      this.activate(error)
    }
  }

  get isActive(): boolean {
    return this.#isActive
  }

  /** The error of the database that was last seen. */
  get fault(): unknown {
    return this.#fault
  }

  /** Calls that are kept in memory. */
  get size(): number {
    if (!this.#isActive) return 0
    const found = this.#held.db.select({ calls: count() }).from(calls).get()
    return found?.calls ?? 0
  }

  /** Carries out a change in the database or, while that cannot be written, in memory. `named`: the calls that it may change. */
  async change<T>(named: readonly SQL[], run: (tables: CallTables) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closedError()
    if (!this.#isActive) {
      try {
        return await run(this.#main)
      } catch (error) {
        this.activate(error)
      }
    }
    for (const call of named) this.#hold(call)
    return run(this.#held)
  }

  /** What is in memory, else what the database has; undefined where that cannot be read. */
  async find<T>(run: (tables: CallTables) => Promise<T | undefined>): Promise<T | undefined> {
    if (this.#isClosed) throw closedError()
    const held = this.#isActive ? await run(this.#held) : undefined
    return held ?? this.readMain(run)
  }

  /** What the database has; undefined where it cannot be read. */
  async readMain<T>(run: (tables: CallTables) => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await run(this.#main)
    } catch (error) {
      this.activate(error)
      return undefined
    }
  }

  /** What is in memory; undefined while the database is in use. */
  async readHeld<T>(run: (tables: CallTables) => Promise<T>): Promise<T | undefined> {
    return this.#isActive ? run(this.#held) : undefined
  }

  /** In memory as well, a webhook that was accepted before counts as accepted. */
  holdReceipt(fingerprint: string): void {
    if (!this.#isActive) return
    try {
      const row = this.#main.db.select().from(receipts).where(eq(receipts.fingerprint, fingerprint)).get()
      if (row) this.#held.db.insert(receipts).values(row).onConflictDoNothing().run()
    } catch (error) {
      if (!isDatabaseFault(error)) throw error
    }
  }

  /** Keeps turns that could not be written, so that they can be read. */
  keepTurns(kept: readonly Turn[]): void {
    for (const { id, ...turn } of kept) {
      this.#held.db
        .insert(turns)
        .values({ id, ...turn })
        .onConflictDoUpdate({ target: turns.id, set: turn })
        .run()
    }
  }

  /** Keeps events that cannot be written before the process ends. */
  keepEvents(kept: readonly RecordedEvent[]): void {
    for (const event of kept) this.#held.db.insert(events).values(event).run()
  }

  /** Takes over for a database with this fault. Throws an error that is none of the database. */
  activate(error: unknown): void {
    if (!isDatabaseFault(error)) throw error
    if (this.#isActive || this.#isClosed) return
    const { db, log } = this.#options
    this.#isActive = true
    this.#fault = error
    // Each attempt of a statement would stop all calls for as long as it waits.
    db.$client.run("PRAGMA busy_timeout = 0")
    log.error("the database cannot be written; calls are kept in memory", { code: sqliteCode(error) })
    this.#retryLater()
  }

  /** Stores what is in memory. Returns whether the database is in use again. */
  recover(): boolean {
    if (!this.#isActive) return true
    const { db, busyTimeoutMs, log } = this.#options
    const held = this.#held.db
    try {
      this.#loadUnsaved()
      const stored = db.transaction(() => storeHeldRows(held, db, log), { behavior: "immediate" })
      this.#isActive = false
      log.info("the database can be written again", { calls: stored })
    } catch (error) {
      this.#fault = error
      if (!isDatabaseFault(error)) log.error("calls in memory cannot be stored", { error })
      return false
    }
    db.$client.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
    for (const table of [events, turns, usage, jobs, outcomes, receipts, calls]) held.delete(table).run()
    this.#cancelRetry()
    return true
  }

  /** Stores what is in memory, for the last time: in the database or else in a file, which the next start stores. */
  close(): void {
    const { db, busyTimeoutMs, path, sweep, log } = this.#options
    if (this.#isClosed) return
    if (this.#isActive) db.$client.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
    if (!this.recover()) {
      saveForNextStart(this.#held.db, { path, at: sweep.clock.now(), calls: this.size, log })
    }
    this.#isClosed = true
    this.#cancelRetry()
    this.#memory?.db.$client.close()
  }

  get #held(): CallTables {
    return (this.#memory ??= inMemory())
  }

  #loadUnsaved(): void {
    const { db, path, log } = this.#options
    if (!this.#hasUnsaved || path === undefined) return
    loadUnsaved(db, { path, log })
    this.#hasUnsaved = false
  }

  #retryLater(): void {
    this.#cancelRetry = this.#options.sweep.after(RETRY_MS, () => {
      if (!this.recover()) this.#retryLater()
    })
  }

  /** Copies a call from the database into memory, unless it is there. */
  #hold(call: SQL): void {
    const held = this.#held.db
    if (held.select({ id: calls.id }).from(calls).where(call).get()) return
    try {
      const row = this.#main.db.select().from(calls).where(call).get()
      if (row) held.insert(calls).values(row).onConflictDoNothing().run()
    } catch (error) {
      if (!isDatabaseFault(error)) throw error
    }
    if (this.size > MAX_HELD_CALLS) throw unwritableError()
  }
}

export function unwritableError(): AppError {
  return new AppError("UNAVAILABLE", "The database cannot be written.", { retryAfterSeconds: 5 })
}

function tablesOf(db: Db): CallTables {
  const access = directAccess(db.$client)
  return {
    db,
    calls: createCalls(db, access),
    receipts: createReceipts(db, access),
    usage: createUsage(db, access),
  }
}

function inMemory(): CallTables {
  const { db } = openDatabase({ url: ":memory:" })
  // Turns and usage may be of a call that is in the database alone.
  db.$client.run("PRAGMA foreign_keys = OFF")
  return tablesOf(db)
}
