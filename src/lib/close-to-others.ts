/** Files and folders that only their owner may read. */

import { chmodSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { isAbsolute, relative, resolve } from "node:path"

const FILE = 0o600
const FOLDER = 0o700
const OTHERS = 0o077
const STICKY = 0o1000

/**
 * Takes the rights of other users away. Returns the paths that others could read or enter until now. What does not exist,
 * belongs to somebody else, or is a folder for other things too (the working directory and those above it, the home
 * folder, a shared one as `/tmp`) stays as it is. On Windows nothing changes.
 */
export function closeToOthers(paths: readonly string[]): string[] {
  return process.platform === "win32" ? [] : paths.filter(wasOpen)
}

function wasOpen(path: string): boolean {
  try {
    const stats = statSync(path)
    const { mode, uid } = stats
    const isFolder = stats.isDirectory()
    if ((mode & OTHERS) === 0 || uid !== process.getuid?.()) return false
    if (isFolder && ((mode & STICKY) !== 0 || isForOtherThings(resolve(path)))) return false
    chmodSync(path, isFolder ? FOLDER : FILE)
    return true
  } catch {
    return false
  }
}

function isForOtherThings(folder: string): boolean {
  const below = relative(folder, process.cwd())
  return folder === homedir() || !(below.startsWith("..") || isAbsolute(below))
}
