import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AppError } from "../../src/lib/errors.ts"
import { retryWhileLocked } from "../../src/store/busy-retry.ts"
import { openStore } from "../../src/store/store.ts"
import { TestClock } from "../lib/test-clock.ts"

/** A store, and another program that holds its database until it is told to let go. */
function held() {
  const dir = mkdtempSync(join(tmpdir(), "parley-held-"))
  const path = join(dir, "parley.db")
  const store = openStore({ url: path, statementTimeoutMs: 1 })
  const other = new Database(path)
  other.run("BEGIN IMMEDIATE")
  return {
    clock: new TestClock(),
    write: () => store.receipts.accept({ fingerprint: "f", kind: "k", idempotencyToken: null, at: 0 }),
    letGo: () => other.run("ROLLBACK"),
    [Symbol.dispose]() {
      other.close()
      store.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

test("work waits for a database that is held, and is done when it is free", async () => {
  using it = held()
  const done = retryWhileLocked(it.clock.sweep, it.write)
  await it.clock.pass(3_000, 50)
  it.letGo()
  await it.clock.pass(100, 50)
  expect(await done).toBe("new")
})

test("a database that stays held is told as such", async () => {
  using it = held()
  const done = retryWhileLocked(it.clock.sweep, it.write).catch((error: unknown) => error)
  await it.clock.pass(11_000, 50)
  const error = await done
  expect(error instanceof AppError && error.code).toBe("UNAVAILABLE")
})

test("work that succeeds is done at once, and a fault of another kind is not tried again", async () => {
  using clock = new TestClock()
  let runs = 0
  const fault = retryWhileLocked(clock.sweep, () => {
    runs += 1
    throw new Error("no")
  }).catch(String)
  expect(await fault).toBe("Error: no")
  expect([await retryWhileLocked(clock.sweep, () => 7), runs]).toEqual([7, 1])
})
