/** Settings of Bun that it reads from the environment, and only when a process starts. */

import { startEnvironment } from "../config/environment.ts"

const SETTINGS = {
  /**
   * Bun runs at most 256 `fetch` requests at once. A request to a model lives as long as its answer, so with more calls
   * than that callers would wait for each other.
   */
  BUN_CONFIG_MAX_HTTP_REQUESTS: "8192",
  /**
   * Whenever Bun waits for the network, its allocator (mimalloc) looks for memory to give back: with hundreds of sockets
   * thousands of times a second, on the core that the calls need. Once in ten seconds gives back as much. (In ms.)
   */
  MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "10000",
} as const

/** Replaces the process by itself with these settings; the process id stays. Leaves alone what is set, or cannot be. */
export function withRuntimeSettings(): void {
  const missing = Object.entries(SETTINGS).filter(([name]) => startEnvironment[name] === undefined)
  if (missing.length === 0 || typeof process.execve !== "function" || process.platform === "win32") return
  const script = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main]
  try {
    process.execve(process.execPath, [process.execPath, ...script, ...process.argv.slice(2)], {
      ...startEnvironment,
      ...Object.fromEntries(missing),
    })
  } catch {
    // The program works without them, for fewer calls at once.
  }
}
