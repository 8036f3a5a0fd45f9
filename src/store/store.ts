/** The store: everything that must outlive the process, behind questions named for what is asked. */

import { lt } from "drizzle-orm"
import { getLog } from "../lib/log.ts"
import { createAssets, type StoredAssets } from "./assets.ts"
import { createCalls, type Calls } from "./calls.ts"
import { createConversations, type Conversations } from "./conversations.ts"
import { BUSY_TIMEOUT_MS, openDatabase, type DatabaseOptions, type MigrationReport } from "./database.ts"
import { createHistory, createWriter, type History, type Writer } from "./history.ts"
import { createJobs, type Jobs } from "./jobs.ts"
import { createOutcomes, type Outcomes } from "./outcomes.ts"
import { createReceipts, type Receipts } from "./receipts.ts"
import { calls } from "./schema.ts"
import { createUsage, type UsageRecords } from "./usage.ts"

export type Store = {
  readonly calls: Calls
  readonly turns: History["turns"]
  readonly transcripts: History["transcripts"]
  readonly events: History["events"]
  readonly receipts: Receipts
  readonly assets: StoredAssets
  readonly conversations: Conversations
  readonly jobs: Jobs
  readonly outcomes: Outcomes
  readonly usage: UsageRecords
  /** For the recorder alone. */
  readonly writer: Writer
  /** Calls `flush` before each reading of turns and events and before closing. Returns the cancellation. */
  onRead(flush: () => void): () => void
  /** Which migrations the opening applied. */
  migrate(): MigrationReport
  /** Deletes calls that ended before a time, with all that belongs to them; returns how many. */
  purgeEndedBefore(ms: number): number
  /** Writes what waits and folds the log of SQLite into one file. Closing twice is harmless. */
  close(): void
  [Symbol.dispose](): void
}

const log = getLog("store")

/**
 * Opens the database and applies the migrations that are missing. Throws `AppError` UNAVAILABLE that tells why a file
 * cannot be used: no rights, locked, damaged, not a database.
 */
export function openStore(options: DatabaseOptions): Store {
  const { db, report } = openDatabase(options)
  if (report.unknown.length > 0) {
    log.warn("the database was written by a newer version", { migrations: report.unknown })
  }
  const flushes = new Set<() => void>()
  const beforeRead = () => {
    for (const flush of flushes) flush()
  }
  let closed = false
  const close = () => {
    if (closed) return
    closed = true
    beforeRead()
    try {
      db.$client.run("PRAGMA wal_checkpoint(TRUNCATE)")
    } catch (error) {
      log.warn("the log of the database could not be folded in", { error })
    }
    db.$client.close()
  }

  return {
    calls: createCalls(db),
    ...createHistory(db, beforeRead),
    receipts: createReceipts(db),
    assets: createAssets(db),
    conversations: createConversations(db),
    jobs: createJobs(db),
    outcomes: createOutcomes(db),
    usage: createUsage(db),
    writer: createWriter(db, options.statementTimeoutMs ?? options.busyTimeoutMs ?? BUSY_TIMEOUT_MS),
    onRead: (flush) => {
      flushes.add(flush)
      return () => void flushes.delete(flush)
    },
    migrate: () => report,
    purgeEndedBefore: (ms) => db.delete(calls).where(lt(calls.endedAt, ms)).run().changes,
    close,
    [Symbol.dispose]: close,
  }
}
