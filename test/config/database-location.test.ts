import { expect, test } from "bun:test"
import { databaseLocation, type DatabaseLocation } from "../../src/config/database-location.ts"

const file = (path: string): DatabaseLocation => ({ kind: "file", path })

test.each<{ url: string; location: DatabaseLocation }>([
  { url: ":memory:", location: { kind: "memory" } },
  { url: "file::memory:", location: { kind: "memory" } },
  { url: "data/parley.db", location: file("data/parley.db") },
  { url: "/var/lib/parley.db", location: file("/var/lib/parley.db") },
  { url: "file:./data/parley.db", location: file("./data/parley.db") },
  { url: "FILE:./data/parley.db", location: file("./data/parley.db") },
  { url: "file:/var/lib/parley.db", location: file("/var/lib/parley.db") },
  { url: "file:///var/lib/parley.db", location: file("/var/lib/parley.db") },
  { url: "C:\\data\\parley.db", location: file("C:\\data\\parley.db") },
  { url: "postgres://user:secret@db/parley", location: { kind: "server", scheme: "postgres" } },
  { url: "POSTGRESQL://db/parley", location: { kind: "server", scheme: "postgresql" } },
  { url: "mysql+tls://db/parley", location: { kind: "server", scheme: "mysql+tls" } },
])("DATABASE_URL=$url", ({ url, location }) => {
  expect(databaseLocation(url)).toEqual(location)
})
