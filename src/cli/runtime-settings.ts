/**
 * Bun runs at most 256 `fetch` requests at once, unless the environment says otherwise when the process starts. A
 * request to a model lives as long as its answer, so with more calls than that callers would wait for each other.
 */

import { startEnvironment } from "../environment.ts"

const NAME = "BUN_CONFIG_MAX_HTTP_REQUESTS"
const LIMIT = "8192"

/** Replaces the process by itself with the limit raised; the process id stays. Does nothing where it is set, or cannot be. */
export function withRaisedFetchLimit(): void {
  if (
    startEnvironment[NAME] !== undefined ||
    typeof process.execve !== "function" ||
    process.platform === "win32"
  )
    return
  const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main]
  try {
    process.execve(process.execPath, [process.execPath, ...script, ...process.argv.slice(2)], {
      ...startEnvironment,
      [NAME]: LIMIT,
    })
  } catch {
    // The program works without it, for fewer calls at once.
  }
}
