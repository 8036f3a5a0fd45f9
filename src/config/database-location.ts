/** What `DATABASE_URL` names: a database in memory, a SQLite file, or a database server. Pure. */

export type DatabaseLocation =
  | { kind: "memory" }
  | { kind: "file"; path: string }
  /** `scheme` in lower case, such as `postgres`. */
  | { kind: "server"; scheme: string }

/** `:memory:`, a path, or a `file:` URL, whose path follows `file:` or `file://`. Every other scheme names a server. */
export function databaseLocation(url: string): DatabaseLocation {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(url)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== "file") return { kind: "server", scheme }
  const path = url.replace(/^file:(?:\/\/(?=\/))?/i, "")
  return path === ":memory:" ? { kind: "memory" } : { kind: "file", path }
}
