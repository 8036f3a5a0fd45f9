/** Write-ahead logs of real databases, and what damage does to them. */

import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { walDamage } from "../../../src/store/sqlite/wal-damage.ts"

const FRAME_BYTES = 24 + 4096

/** The log after transactions that each change one page; `rounds` restarts it before that. */
function walOf({ transactions, rounds = 1 }: { transactions: number; rounds?: number }): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "parley-wal-"))
  const db = new Database(join(folder, "test.db"))
  try {
    for (const statement of ["page_size = 4096", "journal_mode = WAL", "wal_autocheckpoint = 0"])
      db.run(`PRAGMA ${statement}`)
    db.run("CREATE TABLE t (a)")
    for (let round = 0; round < rounds; round++) {
      // Later rounds leave frames of this one behind their own.
      if (round > 0) db.run("PRAGMA wal_checkpoint(RESTART)")
      for (let n = 0; n < transactions + (rounds - 1 - round) * 5; n++)
        db.run("INSERT INTO t VALUES (?)", [n])
    }
    return new Uint8Array(readFileSync(join(folder, "test.db-wal")))
  } finally {
    db.close()
    rmSync(folder, { recursive: true })
  }
}

function flipped(wal: Uint8Array, at: number): Uint8Array {
  const copy = wal.slice()
  copy[at] = (copy[at] ?? 0) ^ 0xff
  return copy
}

test("an intact log, an empty one, and one with frames of an earlier round are no damage", () => {
  expect(walDamage(walOf({ transactions: 10 }))).toEqual({ damage: "none" })
  expect(walDamage(walOf({ transactions: 3, rounds: 2 }))).toEqual({ damage: "none" })
  expect(walDamage(new Uint8Array(0))).toEqual({ damage: "none" })
})

test("a tail that was torn when the process died is no damage", () => {
  const wal = walOf({ transactions: 10 })
  expect(walDamage(wal.slice(0, wal.length - 100))).toEqual({ damage: "none" })
  expect(walDamage(flipped(wal, wal.length - 1))).toEqual({ damage: "none" })
})

test("what was committed behind a damaged frame is counted", () => {
  const wal = walOf({ transactions: 10 })
  const inFourthFromTheEnd = wal.length - 3 * FRAME_BYTES - 10
  expect(walDamage(flipped(wal, inFourthFromTheEnd))).toEqual({ damage: "frames", transactions: 3 })
  const wiped = wal.slice().fill(0, wal.length - 3 * FRAME_BYTES, wal.length - 2 * FRAME_BYTES)
  expect(walDamage(wiped)).toEqual({ damage: "frames", transactions: 2 })
})

test("a damaged header loses all of it", () => {
  const wal = walOf({ transactions: 3 })
  for (const at of [0, 9, 17, 25]) expect(walDamage(flipped(wal, at))).toEqual({ damage: "header" })
})
