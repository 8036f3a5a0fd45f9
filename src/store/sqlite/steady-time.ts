/**
 * The time by which stored limits, leases and due times are compared. It follows no step of the machine's clock, and all
 * processes on one database, also later ones, have the same: the database keeps how far the clock is ahead of it.
 */

import { eq } from "drizzle-orm"
import type { Clock } from "../../lib/clock.ts"
import type { Log } from "../../lib/log.ts"
import type { Runner } from "./access.ts"
import type { Db } from "./database.ts"
import { timeScale } from "./schema.ts"

/** The one row of the table. */
const ROW = 1
/** Smaller differences are the clock being trimmed, and rounding. */
const LEAST_STEP_MS = 1_000

export type SteadyTimeOptions = { db: Db; access: Pick<Runner, "write">; clock: Clock; log: Log }

/** Returns the function that reads the time, in milliseconds. Each reading also notices a step of the clock and stores it. */
export function steadyTime({ db, access, clock, log }: SteadyTimeOptions): () => number {
  let aheadMs = storedAheadMs(db)
  const startMs = clock.now() - aheadMs - clock.monotonic()

  function noticeStep(now: number): void {
    const actualMs = clock.now() - now
    const stepMs = actualMs - aheadMs
    if (Math.abs(stepMs) < LEAST_STEP_MS) return
    log.warn("the clock was set; limits and pauses keep their length", { stepMs })
    aheadMs = actualMs
    log.background(
      "storing the step of the clock",
      access.write(() => store(db, actualMs)),
    )
  }

  return function steadyNow() {
    const now = startMs + clock.monotonic()
    noticeStep(now)
    return now
  }
}

function storedAheadMs(db: Db): number {
  return db.select().from(timeScale).where(eq(timeScale.id, ROW)).get()?.aheadMs ?? 0
}

/** Processes that notice the same step store the same. */
function store(db: Db, aheadMs: number): void {
  db.insert(timeScale)
    .values({ id: ROW, aheadMs })
    .onConflictDoUpdate({ target: timeScale.id, set: { aheadMs } })
    .run()
}
