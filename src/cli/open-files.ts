/** How many calls the limit of open files allows. */

import { readFileSync } from "node:fs"
import type { Config } from "../config/config.ts"
import { getLog } from "../lib/log.ts"

/** The caller's socket, the connection to the model, and a tool or webhook now and then. */
const FILES_PER_CALL = 3
/** Database, log, listeners, and connections of the API and of Twilio's webhooks. */
const OTHER_FILES = 128

/**
 * The configuration with `MAX_CONCURRENT_CALLS` lowered to what the limit of open files allows. Callers beyond it hear
 * that all lines are busy. Without free file descriptors the server could not even answer them.
 */
export function withinOpenFiles(config: Config, openFiles = openFileLimit()): Config {
  const { maxConcurrentCalls } = config.limits
  const most = callsWithin(openFiles)
  if (maxConcurrentCalls <= most) return config
  getLog("server").warn("the limit of open files allows fewer calls than MAX_CONCURRENT_CALLS", {
    openFiles,
    maxConcurrentCalls: most,
    fix: "raise the limit (ulimit -n, LimitNOFILE) or lower MAX_CONCURRENT_CALLS",
  })
  return { ...config, limits: { ...config.limits, maxConcurrentCalls: most } }
}

function callsWithin(openFiles: number): number {
  return Math.max(1, Math.floor((openFiles - OTHER_FILES) / FILES_PER_CALL))
}

/** The soft limit, which Bun raises to the hard one when it starts. Infinity where the system does not say. */
function openFileLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
