/**
 * Folders for temporary files of one process, with mode 700. What processes left that were killed is deleted. Imports
 * nothing that is slow to load.
 */

import { lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"

/** `parley-<pid>-` and what `mkdtemp` adds. */
const NAME = /^parley-(\d{1,10})-[A-Za-z0-9]{6}$/

/** Folders of this process: those with its id that are not among them are of an earlier process. */
const own = new Set<string>()

/** Creates a folder in the first of the places that can be written; undefined where none can. */
export function createProcessFolder(places: readonly string[]): string | undefined {
  for (const place of places) deleteStale(place)
  for (const place of places) {
    try {
      const path = mkdtempSync(join(place, `parley-${process.pid}-`))
      own.add(path)
      return path
    } catch {
      // The next place may be writable.
    }
  }
  return undefined
}

/** Deletes the folders of this user whose process has ended. */
function deleteStale(place: string): void {
  for (const name of namesIn(place)) {
    const pid = Number(NAME.exec(name)?.[1])
    const path = join(place, name)
    if (!Number.isSafeInteger(pid) || own.has(path) || (pid !== process.pid && isRunning(pid))) continue
    try {
      const found = lstatSync(path)
      if (found.isDirectory() && found.uid === process.getuid?.())
        rmSync(path, { recursive: true, force: true })
    } catch {
      // Another process has deleted it.
    }
  }
}

function namesIn(place: string): string[] {
  try {
    return readdirSync(place)
  } catch {
    return []
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It runs, as another user.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
