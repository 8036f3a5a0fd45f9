/** The store on SQLite: what every store promises, then its files, migrations, and a process that is killed. */

import { Database } from "bun:sqlite"
import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { CallEvent } from "../../../src/call/events.ts"
import { toAppError } from "../../../src/lib/errors.ts"
import { openStore } from "../../../src/store/open-store.ts"
import { MIGRATIONS } from "../../../src/store/sqlite/migrations.ts"
import { storeContract } from "../../contract/store.contract.ts"
import { sampleCall } from "../fixture.ts"
import { rejection } from "../../llm/fixture.ts"

const ROOT = join(import.meta.dir, "../../..")

function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "parley-"))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

const files = temporaryFolder()
afterAll(() => files[Symbol.dispose]())

storeContract("SQLite in memory", () => openStore({ url: ":memory:" }))
storeContract("SQLite in a file", () => openStore({ url: join(files.path, `${crypto.randomUUID()}.db`) }))

describe("files", () => {
  test.each([
    ["a path", (folder: string) => join(folder, "a/b/test.db")],
    ["a file: URL", (folder: string) => `file:${join(folder, "a/b/test.db")}`],
    ["a file:// URL", (folder: string) => `file://${join(folder, "a/b/test.db")}`],
  ])("%s is created with its folders and can be opened again", async (_, url) => {
    using folder = temporaryFolder()
    const address = url(folder.path)
    const first = await openStore({ url: address })
    const call = await first.calls.create(sampleCall())
    expect(first.migrations.applied).toEqual(MIGRATIONS.map(({ name }) => name))
    await first.close()
    expect(readdirSync(join(folder.path, "a/b"))).toEqual(["test.db"])

    await using second = await openStore({ url: address })
    expect(await second.calls.byId(call.id)).toEqual(call)
    expect(second.migrations).toEqual({
      applied: [],
      present: MIGRATIONS.map(({ name }) => name),
      unknown: [],
    })
  })

  test("the settings hold", async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, "test.db")
    await using store = await openStore({ url: path })
    await store.calls.create(sampleCall())
    using other = new Database(path)
    expect(other.query("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" })
    expect(existsSync(`${path}-wal`)).toBe(true)
  })

  test.each([
    [
      "a file that is no database",
      (folder: string) => writeFileSync(join(folder, "x"), "not a database ".repeat(100)),
      "x",
      "damaged or not a SQLite file",
    ],
    ["a folder", () => {}, "", "cannot be opened"],
    [
      "a path below a file",
      (folder: string) => writeFileSync(join(folder, "x"), ""),
      "x/y.db",
      "folder cannot be created",
    ],
  ])("%s is refused with its reason", async (_, prepare, name, reason) => {
    using folder = temporaryFolder()
    prepare(folder.path)
    const refusal = toAppError(await rejection(openStore({ url: join(folder.path, name) })))
    expect(refusal).toMatchObject({ code: "UNAVAILABLE" })
    expect(refusal.message).toContain(folder.path)
    expect(refusal.message).toMatch(new RegExp(`${reason}|ENOTDIR`))
  })

  test("a locked file is refused with its reason", async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, "test.db")
    using other = new Database(path)
    other.run("BEGIN EXCLUSIVE")
    const refusal = await openStore({ url: path, busyTimeoutMs: 1 }).catch(String)
    expect(refusal).toContain("another process keeps it locked")
  })

  test.each([["file:"], [""], ["file:x.db?mode=ro"]])("the address %p is refused", async (url) => {
    expect(await rejection(openStore({ url }))).toMatchObject({ code: "UNAVAILABLE" })
  })

  test.each([
    ["postgres://localhost/parley", "PostgreSQL"],
    ["postgresql://localhost/parley", "PostgreSQL"],
    ["mysql://localhost/parley", "mysql://"],
  ])("the address %p names a database that is not supported", async (url, named) => {
    const refusal = await openStore({ url }).catch((error: unknown) => error)
    expect(refusal).toMatchObject({
      code: "NOT_CONFIGURED",
      message: `DATABASE_URL names ${named}, which is not supported. Set it to a path or a file: URL of a SQLite database.`,
    })
  })
})

describe("migrations", () => {
  test("those of a newer version are reported and left alone", async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, "test.db")
    await (await openStore({ url: path })).close()
    const other = new Database(path)
    other.run(
      "INSERT INTO __drizzle_migrations (hash, created_at, name) VALUES ('', 1, '29990101000000_future')",
    )
    other.close()
    await using store = await openStore({ url: path })
    expect(store.migrations.unknown).toEqual(["29990101000000_future"])
  })

  test("a database of an earlier version keeps its calls, its events and the newest job of a kind", async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, "test.db")
    const first = await openStore({ url: path })
    const { id } = await first.calls.create(sampleCall({ userId: "anna" }))
    await first.close()
    const earlier = new Database(path)
    const added = [
      "session_end",
      "transfer",
      "dial_lease_until",
      "verified_number",
      "menu",
      "menu_revision",
      "speech_errors",
    ]
    for (const column of [...added, "ivr_menu", "ivr_state"])
      earlier.run(`ALTER TABLE calls DROP COLUMN ${column}`)
    earlier.run("ALTER TABLE conversations DROP COLUMN revision")
    const tables = ["quota_uses", "voice_messages", "time_scale", "caller_tokens", "callers", "documents"]
    for (const table of tables) earlier.run(`DROP TABLE ${table}`)
    earlier.run("DROP INDEX jobs_once")
    earlier.run("CREATE INDEX jobs_of_call ON jobs (call_id)")
    earlier.run("DELETE FROM __drizzle_migrations WHERE name > '20261120202115_usage'")
    const event = { type: "session.handed-over", reasonCode: "unresponsive", reason: "silent" }
    earlier.prepare("INSERT INTO events (call_id, at, event) VALUES (?, 1, ?)").run(id, JSON.stringify(event))
    const job = earlier.prepare(
      "INSERT INTO jobs (id, kind, call_id, payload, due_at, created_at) VALUES (?, ?, ?, '{}', 1, 1)",
    )
    for (const [name, kind] of [
      ["a", "outcome"],
      ["b", "webhook"],
      ["c", "outcome"],
    ] as const)
      job.run(name, kind, id)
    earlier.close()

    await using store = await openStore({ url: path })
    expect(await store.calls.byId(id)).toMatchObject({ id, sessionEnd: null, transfer: null })
    const expected: CallEvent = { type: "session.ended", reason: "silence", detail: "silent" }
    const page = { afterId: 0, limit: 10 }
    for (const rows of [
      await store.events.of(id),
      await store.events.since({ ...page, userId: null }),
      await store.events.since({ ...page, userId: "anna" }),
    ])
      expect(rows.map((row) => row.event)).toEqual([expected])
    expect([(await store.jobs.find(id, "outcome"))?.id, (await store.jobs.find(id, "webhook"))?.id]).toEqual([
      "c",
      "b",
    ])
  })

  test("every one of the folder is carried in the program", () => {
    const folder = join(ROOT, "drizzle")
    const found = readdirSync(folder)
      .toSorted()
      .map((name) => ({ name, sql: readFileSync(join(folder, name, "migration.sql"), "utf8") }))
    expect(MIGRATIONS).toEqual(found)
  })
})

test("a killed process loses nothing that was flushed", async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, "test.db")
  const script = `
    import { openStore } from ${JSON.stringify(join(ROOT, "src/store/open-store.ts"))}
    import { sampleCall } from ${JSON.stringify(join(ROOT, "test/store/fixture.ts"))}
    const store = await openStore({ url: ${JSON.stringify(path)} })
    await store.calls.create(sampleCall())
    console.log("written")
    await new Promise(() => setInterval(() => {}, 1e6))`
  await using child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" })
  for await (const _ of child.stdout) break
  child.kill("SIGKILL")
  await child.exited
  await using store = await openStore({ url: path })
  expect((await store.calls.list({ limit: 10 })).calls).toHaveLength(1)
})
