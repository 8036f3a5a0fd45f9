import { expect, test } from "bun:test"
import { messageOf } from "../../../src/lib/errors.ts"
import { plainFields } from "../../../src/lib/log-values.ts"
import { openDatabase } from "../../../src/store/sqlite/database.ts"
import { calls } from "../../../src/store/sqlite/schema.ts"
import { sampleCall } from "../fixture.ts"

test("the log of a statement that failed says what SQLite says, and nothing of the statement and its values", () => {
  const { db } = openDatabase({ url: ":memory:" })
  const insert = db.insert(calls).values(sampleCall({ firstMessage: "Dear Mrs Miller" }))
  insert.run()
  let fault: unknown
  try {
    insert.run()
  } catch (error) {
    fault = error
  }
  const logged = JSON.stringify(plainFields({ error: fault, message: messageOf(fault) }, (name) => name))
  expect(logged).toContain("UNIQUE constraint failed: calls.")
  expect(logged).not.toMatch(/Miller|insert into/i)
  db.$client.close()
})
