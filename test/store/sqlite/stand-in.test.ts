import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { getLog } from "../../../src/lib/log.ts"
import { createCalls } from "../../../src/store/sqlite/calls.ts"
import { directAccess } from "../../../src/store/sqlite/access.ts"
import { openDatabase } from "../../../src/store/sqlite/database.ts"
import { createReceipts } from "../../../src/store/sqlite/receipts.ts"
import { StandIn } from "../../../src/store/sqlite/stand-in.ts"
import { standInCalls, standInReceipts } from "../../../src/store/sqlite/stand-in-store.ts"
import { TestClock } from "../../lib/test-clock.ts"
import { sampleCall, sampleSid } from "../fixture.ts"

/** Calls with a stand-in, on a database that a test makes unwritable and writable again. */
async function stand() {
  const dir = mkdtempSync(join(tmpdir(), "parley-stand-in-"))
  const path = join(dir, "x.db")
  const clock = new TestClock()
  const { db } = openDatabase({ url: path, busyTimeoutMs: 1 })
  const standIn = new StandIn({ db, busyTimeoutMs: 1, sweep: clock.sweep, log: getLog("store") })
  const other = new Database(path)
  const main = createCalls(db, directAccess(db.$client))
  return {
    clock,
    standIn,
    main,
    calls: standInCalls(main, standIn),
    receipts: standInReceipts(createReceipts(db, directAccess(db.$client)), standIn),
    pragma: (text: string) => db.$client.run(`PRAGMA ${text}`),
    pages: () => db.$client.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count ?? 0,
    other,
    async [Symbol.asyncDispose]() {
      other.close()
      standIn.close()
      db.$client.close()
      clock[Symbol.dispose]()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

type Stand = Awaited<ReturnType<typeof stand>>

const FAULTS: [string, (it: Stand) => void, (it: Stand) => void][] = [
  ["locked", ({ other }) => void other.run("BEGIN IMMEDIATE"), ({ other }) => void other.run("ROLLBACK")],
  ["read-only", (it) => void it.pragma("query_only = 1"), (it) => void it.pragma("query_only = 0")],
  [
    "full",
    (it) => void it.pragma(`max_page_count = ${it.pages()}`),
    (it) => void it.pragma("max_page_count = 100000"),
  ],
]

// Long enough that it needs pages of its own.
const PROMPT = "x".repeat(20_000)

test.each(FAULTS)(
  "while the database is %s, calls continue in memory and are stored later",
  async (_, begin, end) => {
    await using it = await stand()
    const running = await it.calls.create(sampleCall({ status: "queued" }))
    await it.calls.issueToken(running.id, "t1", 100)
    begin(it)
    const { call, created } = await it.calls.createOrFind({
      ...sampleCall({ status: "queued", prompt: PROMPT }),
      sid: sampleSid(),
    })
    expect({ created, isActive: it.standIn.isActive }).toEqual({ created: true, isActive: true })
    expect(await it.calls.issueToken(call.id, "t2", 100)).toBe(true)
    const claims = [await it.calls.claimToken("t2", 1), await it.calls.claimToken("t1", 1)]
    expect(claims.map((claimed) => claimed?.id)).toEqual([call.id, running.id])
    expect(await it.calls.claimToken("t1", 1)).toBeUndefined()
    expect(await it.calls.resume(running.id, 3)).toBe(1)
    const followUps = { createdAt: 5, outcome: true, jobs: [{ kind: "webhook", dueAt: 9 }] }
    await it.calls.advanceStatus(call.id, "completed", {
      at: 7,
      end: { by: "caller", reason: "hung up", followUps },
    })
    expect((await it.calls.open()).map(({ id }) => id)).toEqual([running.id])
    expect(await it.main.byId(call.id)).toBeUndefined()
    end(it)
    it.clock.advance(250)
    expect(it.standIn.isActive).toBe(false)
    expect(await it.main.byId(call.id)).toMatchObject({ status: "completed", endedBy: "caller", endedAt: 7 })
    expect(await it.main.byId(running.id)).toMatchObject({ resumes: 1 })
    expect(await it.main.claimToken("t1", 1)).toBeUndefined()
    expect(it.other.query("SELECT kind FROM jobs").all()).toEqual([{ kind: "webhook" }])
    expect(it.other.query("SELECT status FROM outcomes").all()).toEqual([{ status: "pending" }])
  },
)

test("a webhook that was accepted before the fault is not accepted again during it, nor one of it after it", async () => {
  await using it = await stand()
  const receipt = (fingerprint: string) => ({ fingerprint, kind: "voice", idempotencyToken: "i", at: 1 })
  await it.receipts.accept(receipt("before"))
  await it.receipts.setAnswer("before", "a")
  it.other.run("BEGIN IMMEDIATE")
  expect(await it.receipts.accept(receipt("during"))).toBe("new")
  await it.receipts.setAnswer("during", "b")
  expect(await it.receipts.accept(receipt("before"))).toMatchObject({ seen: true, answer: "a" })
  it.other.run("ROLLBACK")
  it.clock.advance(250)
  expect(await it.receipts.accept(receipt("during"))).toMatchObject({ seen: true, answer: "b" })
})

test("a SID is attached in memory to a call that is in the database", async () => {
  await using it = await stand()
  const placed = await it.calls.create(sampleCall({ sid: null, direction: "outbound" }))
  it.other.run("BEGIN IMMEDIATE")
  const sid = sampleSid()
  expect((await it.calls.attachSid(placed.id, sid))?.id).toBe(placed.id)
  expect((await it.calls.bySid(sid))?.id).toBe(placed.id)
  it.other.run("ROLLBACK")
  it.clock.advance(250)
  expect((await it.main.bySid(sid))?.id).toBe(placed.id)
})
