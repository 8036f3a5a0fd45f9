/** Files of databases that are locked at the start, damaged, or removed while they are in use. */

import { Database } from "bun:sqlite"
import { afterAll, expect, test } from "bun:test"
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { configureLog } from "../../../src/lib/log.ts"
import { openStore } from "../../../src/store/open-store.ts"
import { TestClock } from "../../lib/test-clock.ts"
import { rejection } from "../../llm/fixture.ts"
import { sampleCall } from "../fixture.ts"

const root = mkdtempSync(join(tmpdir(), "parley-database-file-"))
afterAll(() => {
  configureLog({ level: "error", format: "json" })
  rmSync(root, { recursive: true, force: true })
})

/** A database with one call, closed, and the log from now on. */
async function database() {
  const path = join(mkdtempSync(join(root, "db-")), "parley.db")
  await using store = await openStore({ url: path })
  await store.calls.create(sampleCall())
  const lines: string[] = []
  configureLog({ level: "debug", format: "json", write: (line) => void lines.push(line) })
  return {
    path,
    folder: join(path, ".."),
    lines,
    logged: (words: string) => lines.filter((l) => l.includes(words)),
  }
}

/** A program that keeps the database for itself until it is closed. */
function holder(path: string): Database {
  const other = new Database(path)
  other.run("PRAGMA locking_mode = EXCLUSIVE")
  other.run("BEGIN EXCLUSIVE")
  return other
}

test("a start waits for another writer, says so once, and continues when it is done", async () => {
  const { path, logged } = await database()
  const other = holder(path)
  const opening = openStore({ url: path })
  expect(logged("waiting for it")).toHaveLength(1)
  other.close()
  await using store = await opening
  expect(store.state()).toMatchObject({ isWritable: true })
  expect(logged("waiting for it")).toHaveLength(1)
})

test("a start that waited in vain says what to do", async () => {
  const { path } = await database()
  using _ = holder(path)
  const error = await rejection(openStore({ url: path, busyTimeoutMs: 20 }))
  expect(error).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining(`fuser ${path}`) })
  expect(error).toMatchObject({ message: expect.not.stringContaining("Failed query") })
})

test.each(["deleted", "replaced"] as const)(
  "a file that is %s in use is noticed, calls continue, and the data is in a new file in the end",
  async (wanted) => {
    const { path, folder, logged } = await database()
    using clock = new TestClock()
    const call = sampleCall()
    {
      await using store = await openStore({ url: path, sweep: clock.sweep, keepCalls: true })
      clock.advance(5_000)
      expect(store.state()).toEqual({ isWritable: true, file: "ok" })
      unlinkSync(path)
      if (wanted === "replaced") writeFileSync(path, "")
      clock.advance(5_000)
      expect(store.state()).toEqual({ isWritable: true, file: wanted })
      clock.advance(60_000)
      expect(logged(`was ${wanted} while it is in use`)).toHaveLength(1)
      await store.calls.create(call)
      expect(await store.calls.byId(call.id)).toMatchObject({ id: call.id })
    }
    const rescued = readdirSync(folder).find((name) => name.includes(".rescued-"))
    await using copy = await openStore({ url: join(folder, rescued ?? "none") })
    expect(await copy.calls.byId(call.id)).toMatchObject({ id: call.id })
  },
)

test("a damaged write-ahead log is reported at the start, and a copy is kept", async () => {
  const { path, logged } = await database()
  const other = new Database(path)
  other.run("PRAGMA wal_autocheckpoint = 0")
  for (let n = 0; n < 5; n++) other.run("UPDATE calls SET prompt = ?", [String(n)])
  const wal = readFileSync(`${path}-wal`)
  other.close()
  wal[100] = (wal[100] ?? 0) ^ 0xff
  writeFileSync(`${path}-wal`, wal)
  await using _ = await openStore({ url: path })
  expect(logged("write-ahead log of the database is damaged")).toHaveLength(1)
  expect(existsSync(`${path}-wal.damaged`)).toBe(true)
})

test("an erased caller is in none of the files of the database", async () => {
  const { path, folder } = await database()
  const filesWith = (text: string) =>
    readdirSync(folder).filter((file) => readFileSync(join(folder, file), "latin1").includes(text))
  const change = (knowledge: string) => ({
    userId: null,
    number: "+15550100001",
    change: { knowledge: knowledge.repeat(500) },
    source: "api-key" as const,
    at: 1,
    create: { most: 10 },
  })
  {
    await using store = await openStore({ url: path })
    await store.callers.change(change("Owns a green sensor."))
  }
  expect(filesWith("green sensor")).toEqual(["parley.db"])
  await using store = await openStore({ url: path })
  await store.callers.change(change("Owns a blue sensor."))
  expect(await store.callers.erase({ userId: null, number: "+15550100001" })).toBe(true)
  expect([filesWith("green sensor"), filesWith("blue sensor")]).toEqual([[], []])
})
