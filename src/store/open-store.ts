/** Opens the store that the address of the database names. */

import { databaseLocation } from "../config/database-location.ts"
import { AppError } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { Sweep } from "../lib/sweep.ts"
import { BUSY_TIMEOUT_MS, isLocked } from "./sqlite/database.ts"
import { openSqliteStore } from "./sqlite/sqlite-store.ts"
import type { Store } from "./store.ts"

const log = getLog("store")
/** Nothing else runs while one attempt waits for the lock. */
const ATTEMPT_MS = 200
const PAUSE_MS = 50

export type OpenStore = {
  /** A `file:` URL, a path, or `:memory:`. */
  url: string
  /** Times the waiting for a database that is locked. Default: one of its own. */
  sweep?: Sweep
  /** How long the opening waits for another process that writes, in milliseconds. */
  busyTimeoutMs?: number
  /**
   * How long one statement after that may wait, in milliseconds. No call makes progress meanwhile, so a server waits only
   * a little, and tries again later. Default: as long as the opening.
   */
  statementTimeoutMs?: number
  /**
   * Whether running calls are kept in memory while the database cannot be written, and stored afterwards. Default: what
   * changes them waits for the lock, or rejects.
   */
  keepCalls?: boolean
}

/**
 * Opens the database and applies the migrations that are missing. Rejects with `AppError` UNAVAILABLE that says why it
 * cannot be used: no rights, locked, damaged, not a database; NOT_CONFIGURED for a kind of database that is not supported.
 */
export async function openStore(options: OpenStore): Promise<Store> {
  const location = databaseLocation(options.url)
  if (location.kind === "server") {
    const { scheme } = location
    const named = scheme === "postgres" || scheme === "postgresql" ? "PostgreSQL" : `${scheme}://`
    throw new AppError(
      "NOT_CONFIGURED",
      `DATABASE_URL names ${named}, which is not supported. Set it to a path or a file: URL of a SQLite database.`,
    )
  }
  const { busyTimeoutMs = BUSY_TIMEOUT_MS, statementTimeoutMs = busyTimeoutMs } = options
  using sweep = new Sweep()
  const giveUpAt = sweep.clock.monotonic() + busyTimeoutMs
  for (let isFirst = true; ; isFirst = false) {
    const leftMs = Math.max(0, giveUpAt - sweep.clock.monotonic())
    try {
      return openSqliteStore({ ...options, busyTimeoutMs: Math.min(ATTEMPT_MS, leftMs), statementTimeoutMs })
    } catch (error) {
      if (!isLocked(error) || leftMs === 0) throw error
      if (isFirst) {
        const waitsMs = leftMs
        log.warn("another process keeps the database locked, waiting for it", { url: options.url, waitsMs })
      }
    }
    await sweep.sleep(PAUSE_MS)
  }
}
