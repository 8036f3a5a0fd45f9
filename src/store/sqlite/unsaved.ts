/**
 * What could not be written before the process ended, because the database was locked, full or read-only: a file beside
 * the database, itself a small database, which the next start stores and deletes.
 */

import { readdirSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { messageOf } from "../../lib/errors.ts"
import type { Log } from "../../lib/log.ts"
import { isDatabaseFault, openDatabase, type Db } from "./database.ts"
import { storeHeldRows } from "./held-rows.ts"

const MARK = ".unsaved-"

export type SaveForNextStart = {
  /** The file of the database; undefined without one. */
  path: string | undefined
  /** Milliseconds since the epoch. */
  at: number
  calls: number
  log: Log
}

/** Never throws: where the file cannot be written either, the log says what is lost. */
export function saveForNextStart(held: Db, { path, at, calls, log }: SaveForNextStart): void {
  try {
    if (path === undefined) throw new Error("the database has no file")
    const file = `${path}${MARK}${at}-${process.pid}`
    held.$client.run("VACUUM INTO ?", [file])
    log.error("the database cannot be written; what waits is in a file, which the next start stores", {
      file,
      calls,
    })
  } catch (error) {
    log.error("the database cannot be written; calls, turns and events that wait are lost", {
      calls,
      error: messageOf(error),
    })
  }
}

/** Stores and deletes the files of earlier processes. Throws the fault of a database that cannot be written now. */
export function loadUnsaved(db: Db, { path, log }: { path: string; log: Log }): void {
  const folder = dirname(path)
  const files = readdirSync(folder)
    .filter((name) => name.startsWith(`${basename(path)}${MARK}`) && !/-(?:wal|shm)$/.test(name))
    .map((name) => join(folder, name))
  for (const file of files.toSorted()) {
    try {
      const calls = load(file, db, log)
      for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true })
      log.warn("what an earlier process could not write is stored now", { file, calls })
    } catch (error) {
      if (isDatabaseFault(error) && !isOfFile(error)) throw error
      log.error("what an earlier process could not write cannot be read", { file, error: messageOf(error) })
    }
  }
}

function load(file: string, db: Db, log: Log): number {
  const { db: held } = openDatabase({ url: file })
  try {
    return db.transaction(() => storeHeldRows(held, db, log), { behavior: "immediate" })
  } finally {
    held.$client.close()
  }
}

/** Whether `openDatabase` refused the file itself. */
function isOfFile(error: unknown): boolean {
  return error instanceof Error && error.name === "AppError"
}
