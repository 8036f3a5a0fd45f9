/** Waiting for a database that another process holds, without holding up anything else. */

import { AppError } from "../lib/errors.ts"
import type { Sweep } from "../lib/sweep.ts"
import { sqliteCode } from "./database.ts"

/** A webhook of Twilio's is answered within 15 seconds, or not at all; this leaves time for the rest. */
const PATIENCE_MS = 10_000
const AGAIN_MS = 50

/** Whether the database was held by another process: the same work may succeed a moment later. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(?:BUSY|LOCKED)/.test(sqliteCode(error) ?? "")
}

/**
 * Runs `work`, at once for the first time, and again while the database is held by another process. The work must bear
 * to be begun anew. Throws what it throws, and `AppError` UNAVAILABLE when the database stays held.
 */
export async function retryWhileLocked<T>(sweep: Sweep, work: () => T): Promise<T> {
  const until = sweep.clock.now() + PATIENCE_MS
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error)) throw error
      if (sweep.clock.now() >= until) {
        throw new AppError("UNAVAILABLE", "The database is held by another program.", {
          cause: error,
          retryAfterSeconds: 5,
        })
      }
    }
    await sweep.sleep(AGAIN_MS)
  }
}
