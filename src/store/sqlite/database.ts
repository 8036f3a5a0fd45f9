/** Opens the SQLite file: its folder, its settings, its migrations, and the words for what can go wrong. */

import { Database } from "bun:sqlite"
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { sql } from "drizzle-orm"
import { z } from "zod"
import { drizzle } from "drizzle-orm/bun-sqlite"
import { migrate } from "drizzle-orm/bun-sqlite/migrator"
import { databaseLocation } from "../../config/database-location.ts"
import { AppError, messageOf } from "../../lib/errors.ts"
import type { MigrationReport } from "../store.ts"
import { MIGRATIONS } from "./migrations.ts"
import { makePrivate } from "./private-files.ts"

export type Db = ReturnType<typeof connect>

export type DatabaseOptions = {
  /** A `file:` URL, a path, or `:memory:`. */
  url: string
  /** How long the opening waits for another process that writes, in milliseconds. */
  busyTimeoutMs?: number
  /** The same for every statement after that. No call makes progress meanwhile, so a server waits only briefly. */
  statementTimeoutMs?: number
}

export const BUSY_TIMEOUT_MS = 5000

/** Opens the database and brings it up to date. Throws `AppError` UNAVAILABLE that names the file and the fault. */
export function openDatabase({
  url,
  busyTimeoutMs = BUSY_TIMEOUT_MS,
  statementTimeoutMs = busyTimeoutMs,
}: DatabaseOptions): {
  db: Db
  report: MigrationReport
} {
  const path = databasePath(url)
  let client: Database | undefined
  try {
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true })
    client = new Database(path, { create: true, readwrite: true, strict: true })
    client.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
    client.run("PRAGMA journal_mode = WAL")
    client.run("PRAGMA synchronous = NORMAL")
    client.run("PRAGMA foreign_keys = ON")
    // What is deleted is overwritten: callers who are forgotten must not stay readable in the file.
    client.run("PRAGMA secure_delete = ON")
    const db = connect(client)
    const report = bringUpToDate(db)
    client.run(`PRAGMA busy_timeout = ${statementTimeoutMs}`)
    if (path !== ":memory:") makePrivate(path)
    return { db, report }
  } catch (error) {
    client?.close()
    throw new AppError("UNAVAILABLE", `The database ${path} cannot be used: ${faultOf(error, path)}`, {
      cause: error,
    })
  }
}

const Timeout = z.object({ timeout: z.number() })

/**
 * Folds the log (WAL) into the database and empties it, so that it holds no deleted rows. It stays for the next time when
 * another process uses it at the moment. Never throws.
 */
export function emptyLog(client: Database): void {
  const { timeout } = Timeout.parse(client.query("PRAGMA busy_timeout").get())
  try {
    client.run("PRAGMA busy_timeout = 0")
    client.run("PRAGMA wal_checkpoint(TRUNCATE)")
  } catch {
    // The rows are deleted all the same.
  } finally {
    client.run(`PRAGMA busy_timeout = ${timeout}`)
  }
}

/** SQLite's name of a fault, such as `SQLITE_BUSY`, wherever it is wrapped; undefined for a fault of another kind. */
export function sqliteCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string" && at.code.startsWith("SQLITE_")) return at.code
  }
  return undefined
}

/** Whether another process holds the database at the moment. */
export function isLocked(error: unknown): boolean {
  return /^SQLITE_(?:BUSY|LOCKED)/.test(sqliteCode(error) ?? "")
}

/** Whether an error comes from the state of the database. A broken constraint and a value that cannot be stored do not. */
export function isDatabaseFault(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== undefined && !/^SQLITE_(?:CONSTRAINT|TOOBIG|MISMATCH|RANGE)/.test(code)
}

function connect(client: Database) {
  return drizzle({ client })
}

/** Throws `AppError` UNAVAILABLE for an address that is no path. */
export function databasePath(url: string): string {
  const location = databaseLocation(url)
  if (location.kind === "memory") return ":memory:"
  if (location.kind === "server" || location.path === "" || location.path.includes("?")) {
    throw new AppError("UNAVAILABLE", "The address of the database must be a path, a file: URL or :memory:")
  }
  return location.path
}

function bringUpToDate(db: Db): MigrationReport {
  const before = appliedNames(db)
  // The time of a migration is the beginning of its name; only its order matters.
  migrate(
    db,
    MIGRATIONS.map(({ name, sql: text }) => ({ name, sql: text, timestamp: Number(name.slice(0, 14)) })),
  )
  const present = appliedNames(db)
  const known = new Set(MIGRATIONS.map(({ name }) => name))
  return {
    applied: present.filter((name) => !before.includes(name)),
    present,
    unknown: present.filter((name) => !known.has(name)),
  }
}

function appliedNames(db: Db): string[] {
  const tables = db.all<{ name: string }>(
    sql`SELECT name FROM sqlite_master WHERE name = '__drizzle_migrations'`,
  )
  if (tables.length === 0) return []
  return db
    .all<{ name: string }>(sql`SELECT name FROM __drizzle_migrations ORDER BY name`)
    .map(({ name }) => name)
}

const OTHER_FILE = "Set DATABASE_URL to a file in a folder that this user may write."

/** The code of a folder that could not be created, such as `EACCES`; undefined for a fault of another kind. */
function folderCode(error: unknown): string | undefined {
  if (!(error instanceof Error && "syscall" in error && error.syscall === "mkdir" && "code" in error))
    return undefined
  return String(error.code)
}

function faultOf(error: unknown, path: string): string {
  const code = sqliteCode(error) ?? ""
  if (isLocked(error))
    return `another process keeps it locked. Stop that process (\`fuser ${path}\` names it), or set DATABASE_URL to another file.`
  if (/^SQLITE_(?:CORRUPT|NOTADB)/.test(code))
    return "it is damaged or not a SQLite file. Restore a backup, or move it away to start with an empty database."
  if (code.startsWith("SQLITE_CANTOPEN")) return `it cannot be opened or created. ${OTHER_FILE}`
  if (code.startsWith("SQLITE_READONLY")) return `it cannot be written. ${OTHER_FILE}`
  if (/^SQLITE_(?:FULL|IOERR)/.test(code))
    return "the disk is full or failing. Free some space, or set DATABASE_URL to a file on another disk."
  const folder = folderCode(error)
  if (folder !== undefined) return `its folder cannot be created (${folder}). ${OTHER_FILE}`
  // The query that failed says less than what SQLite says of it.
  return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error)
}
