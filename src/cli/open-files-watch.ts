/** Says when the limit of open files is reached: new connections then wait until others close, and running calls go on. */

import { closeSync, openSync } from "node:fs"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"

const EVERY_MS = 2_000

export type OpenFilesWatch = {
  sweep: Sweep
  log: Log
  /** Opens and closes a file. Throws as the system does. */
  tryOpen?: () => void
}

/** Returns the end of the watch. */
export function watchOpenFiles({ sweep, log, tryOpen = openAndClose }: OpenFilesWatch): () => void {
  let isExhausted = false
  return sweep.every(EVERY_MS, () => {
    const wasExhausted = isExhausted
    isExhausted = !canOpen(tryOpen)
    if (isExhausted === wasExhausted) return
    if (!isExhausted) return log.info("files can be opened again, new connections are accepted")
    log.error("the limit of open files is reached: new connections wait until others close", {
      fix: "raise the limit (ulimit -n, LimitNOFILE), or let the proxy limit connections",
    })
  })
}

function canOpen(tryOpen: () => void): boolean {
  try {
    tryOpen()
    return true
  } catch (error) {
    // EMFILE: the limit of the process, ENFILE: that of the system.
    return !(
      error instanceof Error &&
      "code" in error &&
      (error.code === "EMFILE" || error.code === "ENFILE")
    )
  }
}

function openAndClose(): void {
  closeSync(openSync("/dev/null", "r"))
}
