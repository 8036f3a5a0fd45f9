/** Receipts of webhooks in SQLite. */

import { and, eq, isNotNull, lt, ne, or, sql } from "drizzle-orm"
import { AppError } from "../../lib/errors.ts"
import type { Receipts } from "../receipts.ts"
import type { Runner } from "./access.ts"
import type { Db } from "./database.ts"
import { prepared } from "./prepared.ts"
import { receipts } from "./schema.ts"

export function createReceipts(db: Db, access: Runner): Receipts {
  const named = sql.placeholder
  const insert = prepared(() =>
    db
      .insert(receipts)
      .values({
        fingerprint: named("fingerprint"),
        kind: named("kind"),
        idempotencyToken: named("idempotencyToken"),
        at: named("at"),
      })
      .onConflictDoNothing()
      .prepare(),
  )
  const update = prepared(() =>
    db
      .update(receipts)
      .set({ answer: named("answer") })
      .where(eq(receipts.fingerprint, named("fingerprint")))
      .prepare(),
  )

  return {
    accept: (receipt) =>
      access.transaction(() => {
        const inserted = insert().run(receipt)
        if (inserted.changes > 0) return "new"
        const { fingerprint } = receipt
        const first = db.select().from(receipts).where(eq(receipts.fingerprint, fingerprint)).get()
        if (!first) throw new AppError("INTERNAL", "A receipt disappeared while it was read")
        const { answer, idempotencyToken, at } = first
        return { seen: true, answer, idempotencyToken, at }
      }),

    setAnswer: (fingerprint, answer) => access.write(() => void update().run({ fingerprint, answer })),

    prune: ({ before, voiceBefore }) =>
      access.transaction(() => {
        const isOld = or(
          lt(receipts.at, voiceBefore),
          and(lt(receipts.at, before), ne(receipts.kind, "voice")),
        )
        const deleted = db.delete(receipts).where(isOld).run().changes
        const hasAnswer = and(lt(receipts.at, before), isNotNull(receipts.answer))
        db.update(receipts).set({ answer: null }).where(hasAnswer).run()
        return deleted
      }),
  }
}
