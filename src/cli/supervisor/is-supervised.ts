/** Whether a command line starts a supervisor. Imports nothing that is slow to load. */

import type { Variables } from "../../config/env-file.ts"
import { WORKER_VARIABLE } from "./messages.ts"

/** `parley serve`, the default command, unless this process is a worker or `SUPERVISOR=off`. */
export function isSupervised([command]: readonly string[], env: Variables): boolean {
  if (env[WORKER_VARIABLE] !== undefined || env["SUPERVISOR"]?.trim() === "off") return false
  if (process.platform === "win32") return false
  const isServe = command === undefined || command === "serve"
  // Options of the default command; those of the program itself, such as --version, need no server.
  return isServe || /^(?:-p|--port|--replace)/.test(command)
}
