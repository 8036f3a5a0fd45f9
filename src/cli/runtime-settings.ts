/** Settings that Bun reads from the environment, only at the start of a process. */

import { startEnvironment } from "../config/environment.ts"

export const RUNTIME_SETTINGS = {
  /**
   * Bun runs at most 256 `fetch` requests at once. A request to a model lives as long as its answer, so with more calls
   * than that, requests would queue.
   */
  BUN_CONFIG_MAX_HTTP_REQUESTS: "8192",
  /**
   * Whenever Bun waits for the network, its allocator (mimalloc) purges unused memory: with hundreds of sockets thousands
   * of times a second, on the core that serves calls. Once in ten seconds frees as much. In milliseconds.
   */
  MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "10000",
} as const

/** Restarts the program in the same process with these settings. Settings that are set already stay. */
export function withRuntimeSettings(): void {
  const missing = Object.entries(RUNTIME_SETTINGS).filter(([name]) => startEnvironment[name] === undefined)
  if (missing.length === 0 || typeof process.execve !== "function" || process.platform === "win32") return
  const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main]
  try {
    process.execve(process.execPath, [process.execPath, ...script, ...process.argv.slice(2)], {
      ...startEnvironment,
      ...Object.fromEntries(missing),
    })
  } catch {
    // The program works without them, with fewer concurrent calls.
  }
}
