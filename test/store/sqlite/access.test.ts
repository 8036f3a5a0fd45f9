import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { toAppError } from "../../../src/lib/errors.ts"
import { openStore } from "../../../src/store/open-store.ts"
import { TestClock } from "../../lib/test-clock.ts"
import { sampleCall } from "../fixture.ts"

/** A store, and another program that keeps its database locked until it is asked to release it. */
async function locked() {
  const dir = mkdtempSync(join(tmpdir(), "parley-locked-"))
  const path = join(dir, "parley.db")
  const clock = new TestClock()
  const store = await openStore({ url: path, statementTimeoutMs: 1, sweep: clock.sweep })
  const other = new Database(path)
  const { id } = await store.calls.create(sampleCall({ status: "queued" }))
  other.run("BEGIN IMMEDIATE")
  return {
    clock,
    store,
    id,
    accept: (fingerprint = "f") =>
      store.receipts.accept({ fingerprint, kind: "k", idempotencyToken: null, at: 0 }),
    letGo: () => other.run("ROLLBACK"),
    async [Symbol.asyncDispose]() {
      other.close()
      await store.close()
      clock[Symbol.dispose]()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

test("a write waits for a database that is locked, and is done when it is free", async () => {
  await using it = await locked()
  const done = it.accept()
  await it.clock.pass(3_000, 50)
  it.letGo()
  await it.clock.pass(100, 50)
  expect(await done).toBe("new")
})

test("a database that stays locked for ten seconds rejects what waited that long", async () => {
  await using it = await locked()
  const first = it.accept().catch(toAppError)
  await it.clock.pass(5_000, 50)
  const second = it.accept()
  await it.clock.pass(5_100, 50)
  expect(await first).toMatchObject({
    code: "UNAVAILABLE",
    message: "The database is locked by another process.",
    retryAfterSeconds: 5,
  })
  it.letGo()
  await it.clock.pass(100, 50)
  expect(await second).toBe("new")
})

test("writes that waited are done in the order in which they were asked for", async () => {
  await using it = await locked()
  const { calls } = it.store
  const reports = (["ringing", "in-progress", "completed"] as const).map((status, at) =>
    calls.advanceStatus(it.id, status, { at }),
  )
  await it.clock.pass(200, 50)
  it.letGo()
  // Asked for when the database is free again: it comes after those that wait all the same.
  const late = calls.advanceStatus(it.id, "failed", { at: 9 })
  await it.clock.pass(100, 50)
  expect(
    (await Promise.all([...reports, late])).map((result) => [result?.previous, result?.changed]),
  ).toEqual([
    ["queued", true],
    ["ringing", true],
    ["in-progress", true],
    ["completed", false],
  ])
  expect(await calls.byId(it.id)).toMatchObject({ status: "completed", answeredAt: 1, endedAt: 2 })
})

test("while the database is locked each moment brings one attempt, however many wait", async () => {
  await using it = await locked()
  const done = Array.from({ length: 200 }, (_, index) => it.accept(`f${index}`))
  const startedAt = performance.now()
  await it.clock.pass(1_000, 50)
  // One attempt waits 1 ms for the lock: 200 of them at each of 20 moments would last four seconds.
  expect(performance.now() - startedAt).toBeLessThan(1_000)
  it.letGo()
  await it.clock.pass(100, 50)
  expect(new Set(await Promise.all(done))).toEqual(new Set(["new"]))
})

test("reading does not wait for a writer", async () => {
  await using it = await locked()
  const waiting = it.accept().catch(toAppError)
  expect((await it.store.calls.byId(it.id))?.status).toBe("queued")
  await it.clock.pass(11_000, 50)
  expect(await waiting).toMatchObject({ code: "UNAVAILABLE" })
})

test("closing rejects what waits", async () => {
  await using it = await locked()
  const waiting = it.accept().catch(toAppError)
  await it.store.close()
  expect(await waiting).toMatchObject({ code: "INTERNAL", message: "The database is closed." })
})
