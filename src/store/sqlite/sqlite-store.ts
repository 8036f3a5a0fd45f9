/** The store on a SQLite file of this machine. */

import { lt } from "drizzle-orm"
import { getLog } from "../../lib/log.ts"
import { Sweep } from "../../lib/sweep.ts"
import type { Reading } from "../history.ts"
import type { Store } from "../store.ts"
import { Access } from "./access.ts"
import { createStoredAssets } from "./assets.ts"
import { createCallers } from "./callers.ts"
import { createCalls } from "./calls.ts"
import { createConversations } from "./conversations.ts"
import { BUSY_TIMEOUT_MS, databasePath, openDatabase, type DatabaseOptions } from "./database.ts"
import { reportWalDamage, watchDatabaseFile } from "./database-file.ts"
import { createDocuments } from "./documents.ts"
import { createHistory } from "./history.ts"
import { createJobs } from "./jobs.ts"
import { createOutcomes } from "./outcomes.ts"
import { createQuotas } from "./quotas.ts"
import { createReceipts } from "./receipts.ts"
import { calls as callsTable } from "./schema.ts"
import { StandIn } from "./stand-in.ts"
import { steadyTime } from "./steady-time.ts"
import { standInCalls, standInReceipts, standInTurns, standInUsage, standInWriter } from "./stand-in-store.ts"
import { createUsage } from "./usage.ts"
import { createVoiceMessages } from "./voice-messages.ts"
import { createWriter } from "./writer.ts"

const log = getLog("store")

/** Throws `AppError` UNAVAILABLE that says why a file cannot be used: no rights, locked, damaged, not a database. */
export function openSqliteStore({
  sweep = new Sweep(),
  keepCalls = false,
  ...options
}: DatabaseOptions & { sweep?: Sweep; keepCalls?: boolean }): Store {
  const path = databasePath(options.url)
  const isFile = path !== ":memory:"
  if (isFile) reportWalDamage(path, log)
  const { db, report } = openDatabase(options)
  const file = keepCalls && isFile ? watchDatabaseFile({ path, sweep, log }) : undefined
  if (report.unknown.length > 0) {
    log.warn("the database was written by a newer version", { migrations: report.unknown })
  }
  const access = new Access({ client: db.$client, sweep })
  const flushes = new Set<(reading?: Reading) => Promise<void>>()
  const beforeRead = async (reading?: Reading) => {
    for (const flush of flushes) await flush(reading)
  }
  const busyTimeoutMs = options.statementTimeoutMs ?? options.busyTimeoutMs ?? BUSY_TIMEOUT_MS
  const standIn = keepCalls
    ? new StandIn({ db, path: isFile ? path : undefined, busyTimeoutMs, sweep, log })
    : undefined
  let closing: Promise<void> | undefined

  async function closeOnce(): Promise<void> {
    await beforeRead()
    standIn?.close()
    access.close()
    file?.stop()
    if (file && file.look() !== "ok") rescue(`${path}.rescued-${sweep.clock.now()}`)
    try {
      db.$client.run("PRAGMA wal_checkpoint(TRUNCATE)")
    } catch (error) {
      log.warn("the log of the database could not be folded in", { error })
    }
    db.$client.close()
  }

  /** Writes all data to a new file. */
  function rescue(copy: string): void {
    try {
      db.$client.run("VACUUM INTO ?", [copy])
      log.warn("the data of the database whose file was deleted or replaced is in a new file", { path, copy })
    } catch (error) {
      log.error("the data of the database whose file was deleted or replaced is lost", { path, error })
    }
  }

  const close = () => (closing ??= closeOnce())
  const calls = createCalls(db, access)
  const history = createHistory(db, access, beforeRead)
  const receipts = createReceipts(db, access)
  const writer = createWriter(db, busyTimeoutMs)
  return {
    steadyNow: steadyTime({ db, access, clock: sweep.clock, log }),
    calls: standIn ? standInCalls(calls, standIn) : calls,
    ...history,
    ...(standIn ? standInTurns(history.turns, standIn, beforeRead) : {}),
    receipts: standIn ? standInReceipts(receipts, standIn) : receipts,
    quotas: createQuotas(db, access),
    assets: createStoredAssets(db, access),
    conversations: createConversations(db, access),
    callers: createCallers(db, access),
    documents: createDocuments(db, access),
    jobs: createJobs(db, access),
    outcomes: createOutcomes(db, access),
    usage: standIn ? standInUsage(standIn) : createUsage(db, access),
    voiceMessages: createVoiceMessages(db, access),
    writer: standIn ? standInWriter(writer, standIn) : writer,
    onRead: (flush) => {
      flushes.add(flush)
      return () => void flushes.delete(flush)
    },
    state: () => ({
      ...(standIn?.isActive ? { isWritable: false, callsInMemory: standIn.size } : { isWritable: true }),
      file: file?.state ?? "ok",
    }),
    migrations: report,
    purgeEndedBefore: (ms) =>
      access.write(() => db.delete(callsTable).where(lt(callsTable.endedAt, ms)).run().changes),
    close,
    [Symbol.asyncDispose]: close,
  }
}
