/** A file beside the database for each port on which a server of this database listens: `parley.db.3000.lock`. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { z } from "zod"
import { databaseLocation } from "../config/database-location.ts"

const Owner = z.object({
  /** The process that takes signals: the supervisor, or the only process. */
  pid: z.number().int().positive(),
  /** Distinguishes the process from a later one with the same id. Empty if the system does not report it. */
  startedAt: z.string(),
  port: z.number().int(),
  state: z.enum(["serving", "draining"]),
})
export type Owner = z.infer<typeof Owner>

export type ServerLock = {
  /** Other servers of this database that run now. */
  others(): Owner[]
  /** Another server that listens on the port now. */
  otherOn(port: number): Owner | undefined
  /** Names this server as the one on the port. */
  write(port: number, state: Owner["state"]): void
  /** Deletes the file, unless another server has written it since. Removing twice is harmless. */
  remove(port: number): void
}

const NO_FILE: ServerLock = { others: () => [], otherOn: () => undefined, write() {}, remove() {} }

/** `pid`: the process of this server that takes signals. A database in memory has no file: nothing is found or written. */
export function serverLock({ databaseUrl, pid }: { databaseUrl: string; pid: number }): ServerLock {
  const location = databaseLocation(databaseUrl)
  if (location.kind !== "file") return NO_FILE
  const { path } = location
  const startedAt = startOf(pid)
  const pathOf = (port: number) => `${path}.${port}.lock`
  const isOther = (owner: Owner | undefined): owner is Owner =>
    owner !== undefined && owner.pid !== pid && isRunning(owner)

  return {
    others() {
      return lockFiles(path)
        .map((file) => read(join(dirname(path), file)))
        .filter(isOther)
    },
    otherOn(port) {
      const owner = read(pathOf(port))
      return isOther(owner) ? owner : undefined
    },
    write(port, state) {
      mkdirSync(dirname(path), { recursive: true })
      const owner: Owner = { pid, startedAt, port, state }
      writeFileSync(pathOf(port), `${JSON.stringify(owner)}\n`, { mode: 0o600 })
    },
    remove(port) {
      if (read(pathOf(port))?.pid === pid) rmSync(pathOf(port), { force: true })
    },
  }
}

function lockFiles(path: string): string[] {
  const prefix = `${basename(path)}.`
  try {
    return readdirSync(dirname(path)).filter((name) => name.startsWith(prefix) && name.endsWith(".lock"))
  } catch {
    return []
  }
}

/** Undefined for a file that is missing, damaged or of another program. */
function read(path: string): Owner | undefined {
  try {
    return Owner.safeParse(JSON.parse(readFileSync(path, "utf8"))).data
  } catch {
    return undefined
  }
}

function isRunning({ pid, startedAt }: Owner): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // A process of another user may not be signalled, but runs.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false
  }
  return startOf(pid) === startedAt
}

/** Clock ticks from the start of the machine to that of the process. (Linux: proc_pid_stat(5), field 22.) */
function startOf(pid: number): string {
  try {
    // The name of the program is in parentheses and may contain anything.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? []
    return fields[19] ?? ""
  } catch {
    return ""
  }
}
