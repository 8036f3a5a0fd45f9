/** Another Parley that serves the same database when this one starts. */

import { AppError } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import type { Owner, ServerLock } from "./server-lock.ts"

/** How long a start waits for a server that is about to stop. */
const STOP_WAIT_MS = 5_000
const LOOK_EVERY_MS = 100

export type FindPredecessor = {
  lock: ServerLock
  port: number
  /** `--replace`: the other server is stopped once this one listens. */
  replace: boolean
}

/**
 * The server that this one replaces on the port; undefined when the port has none. Throws `AppError` UNAVAILABLE for one
 * that neither stops nor is to be replaced. A server of the same database on another port is logged.
 */
export async function findPredecessor({ lock, port, replace }: FindPredecessor): Promise<Owner | undefined> {
  for (const { pid, port: other } of lock.others()) {
    if (other !== port) {
      getLog("server").warn("another server uses this database; use one server for each database", {
        pid,
        port: other,
      })
    }
  }
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    const owner = lock.otherOn(port)
    if (!owner || replace || owner.state === "draining") return owner
    if (waitedMs >= STOP_WAIT_MS) {
      const { pid } = owner
      throw new AppError(
        "UNAVAILABLE",
        `Port ${port} is served by Parley (pid ${pid}). Stop it, reload it with kill -HUP ${pid}, or start with --replace.`,
      )
    }
    await Bun.sleep(LOOK_EVERY_MS)
  }
}
