/** The store as a whole: files it can and cannot use, migrations, receipts, retention, and a process that is killed. */

import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { CallEvent } from "../../src/call/events.ts"
import { MIGRATIONS } from "../../src/store/migrations.ts"
import { openStore } from "../../src/store/store.ts"
import { sampleCall } from "./samples.ts"

function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "parley-"))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

describe("files", () => {
  test.each([
    ["a path", (folder: string) => join(folder, "a/b/test.db")],
    ["a file: URL", (folder: string) => `file:${join(folder, "a/b/test.db")}`],
    ["a file:// URL", (folder: string) => `file://${join(folder, "a/b/test.db")}`],
  ])("%s is created with its folders and can be opened again", (_, url) => {
    using folder = temporaryFolder()
    const address = url(folder.path)
    const first = openStore({ url: address })
    const call = first.calls.create(sampleCall())
    expect(first.migrate().applied).toEqual(MIGRATIONS.map(({ name }) => name))
    first.close()
    expect(readdirSync(join(folder.path, "a/b"))).toEqual(["test.db"])

    using second = openStore({ url: address })
    expect(second.calls.byId(call.id)).toEqual(call)
    expect(second.migrate()).toEqual({
      applied: [],
      present: MIGRATIONS.map(({ name }) => name),
      unknown: [],
    })
  })

  test("the settings hold", () => {
    using folder = temporaryFolder()
    const path = join(folder.path, "test.db")
    using store = openStore({ url: path })
    store.calls.create(sampleCall())
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
    ["a path below a file", (folder: string) => writeFileSync(join(folder, "x"), ""), "x/y.db", "EEXIST"],
  ])("%s is refused with its reason", (_, prepare, name, reason) => {
    using folder = temporaryFolder()
    prepare(folder.path)
    const open = () => openStore({ url: join(folder.path, name) })
    expect(open).toThrow(
      expect.objectContaining({ code: "UNAVAILABLE", message: expect.stringContaining(folder.path) }),
    )
    expect(open).toThrow(new RegExp(`${reason}|ENOTDIR`))
  })

  test("a locked file is refused with its reason", () => {
    using folder = temporaryFolder()
    const path = join(folder.path, "test.db")
    using other = new Database(path)
    other.run("BEGIN EXCLUSIVE")
    expect(() => openStore({ url: path, busyTimeoutMs: 1 })).toThrow("another process keeps it locked")
  })

  test.each([["file:"], [""], ["file:x.db?mode=ro"]])("the address %p is refused", (url) => {
    expect(() => openStore({ url })).toThrow(expect.objectContaining({ code: "UNAVAILABLE" }))
  })

  test("migrations of a newer version are reported and left alone", () => {
    using folder = temporaryFolder()
    const path = join(folder.path, "test.db")
    openStore({ url: path }).close()
    const other = new Database(path)
    other.run(
      "INSERT INTO __drizzle_migrations (hash, created_at, name) VALUES ('', 1, '29990101000000_future')",
    )
    other.close()
    using store = openStore({ url: path })
    expect(store.migrate().unknown).toEqual(["29990101000000_future"])
  })
})

test("a database of an earlier version keeps its calls and its events", () => {
  using folder = temporaryFolder()
  const path = join(folder.path, "test.db")
  const first = openStore({ url: path })
  const { id } = first.calls.create(sampleCall({ userId: "anna" }))
  first.close()
  const earlier = new Database(path)
  earlier.run("ALTER TABLE calls DROP COLUMN session_end")
  earlier.run("ALTER TABLE calls DROP COLUMN transfer")
  earlier.run("DELETE FROM __drizzle_migrations WHERE name LIKE '%_session_end'")
  const event = { type: "session.handed-over", reasonCode: "unresponsive", reason: "silent" }
  earlier.prepare("INSERT INTO events (call_id, at, event) VALUES (?, 1, ?)").run(id, JSON.stringify(event))
  earlier.close()

  using store = openStore({ url: path })
  expect(store.calls.byId(id)).toMatchObject({ id, sessionEnd: null, transfer: null })
  const expected: CallEvent = { type: "session.ended", reason: "silence", detail: "silent" }
  const page = { afterId: 0, limit: 10 }
  for (const rows of [
    store.events.of(id),
    store.events.since({ ...page, userId: null }),
    store.events.since({ ...page, userId: "anna" }),
  ])
    expect(rows.map(({ event }) => event)).toEqual([expected])
})

test("every migration of the folder is carried in the program", () => {
  const folder = join(import.meta.dir, "../../drizzle")
  const files = readdirSync(folder)
    .toSorted()
    .map((name) => ({ name, sql: readFileSync(join(folder, name, "migration.sql"), "utf8") }))
  expect(MIGRATIONS).toEqual(files)
})

test("a killed process loses nothing that was flushed", async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, "test.db")
  const script = `
    import { openStore } from ${JSON.stringify(join(import.meta.dir, "../../src/store/store.ts"))}
    import { sampleCall } from ${JSON.stringify(join(import.meta.dir, "samples.ts"))}
    const store = openStore({ url: ${JSON.stringify(path)} })
    store.calls.create(sampleCall())
    console.log("written")
    await new Promise(() => setInterval(() => {}, 1e6))`
  await using child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" })
  for await (const _ of child.stdout) break
  child.kill("SIGKILL")
  await child.exited
  using store = openStore({ url: path })
  expect(store.calls.list({ limit: 10 }).calls).toHaveLength(1)
})

describe("receipts", () => {
  const receipt = { fingerprint: "f", kind: "status", idempotencyToken: "t", at: 10 }

  test("of two deliveries one is new, and the other gets the answer of the first", () => {
    using store = openStore({ url: ":memory:" })
    expect(store.receipts.accept(receipt)).toBe("new")
    expect(store.receipts.accept({ ...receipt, at: 20 })).toEqual({
      seen: true,
      answer: null,
      idempotencyToken: "t",
      at: 10,
    })
    store.receipts.setAnswer("f", "<Response/>")
    expect(store.receipts.accept(receipt)).toMatchObject({ answer: "<Response/>" })
  })

  test("old receipts are pruned", () => {
    using store = openStore({ url: ":memory:" })
    store.receipts.accept(receipt)
    store.receipts.accept({ ...receipt, fingerprint: "g", at: 20 })
    expect(store.receipts.prune(20)).toBe(1)
    expect(store.receipts.accept(receipt)).toBe("new")
  })
})

test("retention deletes ended calls with their turns and events, and no other", () => {
  using store = openStore({ url: ":memory:" })
  const [old, recent, open] = [
    store.calls.create(sampleCall()),
    store.calls.create(sampleCall()),
    store.calls.create(sampleCall()),
  ]
  store.calls.advanceStatus(old.id, "completed", { at: 10 })
  store.calls.advanceStatus(recent.id, "completed", { at: 20 })
  store.writer.write(
    {
      turns: [],
      events: [{ callId: old.id, callSid: null, at: 1, event: { type: "reply.started", replyId: "r" } }],
    },
    0,
  )
  expect(store.purgeEndedBefore(20)).toBe(1)
  expect(
    store.calls
      .list({ limit: 10 })
      .calls.map(({ id }) => id)
      .toSorted(),
  ).toEqual([recent.id, open.id].toSorted())
  expect(store.events.of(old.id)).toEqual([])
})
