/** Keeps the files of the database readable by their owner alone: they hold what callers said. */

import { basename, dirname } from "node:path"
import { closeToOthers } from "../../lib/close-to-others.ts"
import { getLog } from "../../lib/log.ts"

/** SQLite keeps what it has not folded into the file yet beside it. (SQLite: "Write-Ahead Logging".) */
const SUFFIXES = ["", "-wal", "-shm"]
/** The folder of the default `DATABASE_URL`; another one may hold files of other programs. */
const DATA_FOLDER = "data"

/** Takes the rights of others away from existing files, with a warning. What cannot be changed is left as it is. */
export function makePrivate(path: string): void {
  const folder = dirname(path)
  const files = SUFFIXES.map((suffix) => `${path}${suffix}`)
  const folders = basename(folder) === DATA_FOLDER ? [folder] : []
  for (const file of closeToOthers([...files, ...folders])) {
    getLog("store").warn("others could read a file of the database, it is private now", {
      file,
    })
  }
}
