/** Whether a command line starts a supervisor. Imports nothing that is slow to load. */

import type { Variables } from "../../config/env-file.ts"
import { WORKER_VARIABLE } from "./messages.ts"

/** `parley serve`, the default command, unless this process is a worker or `SUPERVISOR=off`. */
export function isSupervised(args: readonly string[], env: Variables): boolean {
  const [command] = args
  // A simulated account lives in the process of its server.
  if (args.includes("--simulate")) return false
  if (env[WORKER_VARIABLE] !== undefined || env["SUPERVISOR"]?.trim() === "off") return false
  if (process.platform === "win32") return false
  const isServe = command === undefined || command === "serve"
  // Options of the default command; those of the program itself, such as --version, need no server.
  return isServe || /^(?:-p|--port|--replace)/.test(command)
}
