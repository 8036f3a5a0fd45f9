/** Watches the file of a database that is in use: SQLite continues with a file that was deleted or replaced, without a word. */

import { copyFileSync, readFileSync, statSync } from "node:fs"
import type { Log } from "../../lib/log.ts"
import type { Sweep } from "../../lib/sweep.ts"
import type { FileState } from "../store.ts"
import { walDamage } from "./wal-damage.ts"

const LOOK_EVERY_MS = 5_000
/** A log beyond this size is not checked: reading it would delay the start. SQLite folds it in at about 4 MB. */
const MOST_WAL_BYTES = 256 * 1024 * 1024

const UNKNOWN = "unknown"

export type DatabaseFile = {
  /** Whether the file that is in use is still the one at the path, as of the last look. */
  readonly state: FileState
  /** Looks now. */
  look(): FileState
  stop(): void
}

export type WatchDatabaseFile = { path: string; sweep: Sweep; log: Log }

export function watchDatabaseFile({ path, sweep, log }: WatchDatabaseFile): DatabaseFile {
  const opened = identityOf(path)
  let state: FileState = "ok"

  function look(): FileState {
    const now = identityOf(path)
    const next = now === opened ? "ok" : now === undefined ? "deleted" : "replaced"
    if (next === state || now === UNKNOWN) return state
    state = next
    if (state === "ok") log.info("the file of the database is the one in use again", { path })
    else {
      log.error(
        `the file of the database was ${state} while it is in use: calls continue in the old one, which the next start will not find. ` +
          "Stop the server: it writes its data to a new file beside",
        { path },
      )
    }
    return state
  }

  const cancel = sweep.every(LOOK_EVERY_MS, look)
  return {
    get state() {
      return state
    },
    look,
    stop: cancel,
  }
}

/** Logs damage of the write-ahead log and keeps a copy, before SQLite opens the database and drops what it cannot read. */
export function reportWalDamage(path: string, log: Log): void {
  const wal = `${path}-wal`
  try {
    if (statSync(wal).size > MOST_WAL_BYTES) return
    const found = walDamage(readFileSync(wal))
    if (found.damage === "none") return
    const copy = `${wal}.damaged`
    copyFileSync(wal, copy)
    log.error(
      "the write-ahead log of the database is damaged: what was written last before the stop is lost. " +
        "A copy is kept. If the disk is failing, restore a backup",
      { path, copy, ...found },
    )
  } catch (error) {
    if (!isMissing(error))
      log.warn("the write-ahead log of the database could not be checked", { path, error })
  }
}

/** Distinguishes two files at the same path. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path)
    return `${dev}:${ino}`
  } catch (error) {
    if (isMissing(error)) return undefined
    // A folder that cannot be entered for a moment says nothing about the file.
    return UNKNOWN
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")
}
