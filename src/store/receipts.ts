/** Which webhooks were taken in already, and what they were answered. */

import { eq, lt } from "drizzle-orm"
import { AppError } from "../lib/errors.ts"
import type { Db } from "./database.ts"
import { receipts } from "./schema.ts"

export type Receipt = {
  /** The same for every delivery of one webhook. */
  fingerprint: string
  kind: string
  /** Twilio's `I-Twilio-Idempotency-Token`, where there was one. */
  idempotencyToken: string | null
  at: number
}

export type Seen = { seen: true; answer: string | null; idempotencyToken: string | null; at: number }

export type Receipts = ReturnType<typeof createReceipts>

export function createReceipts(db: Db) {
  return {
    /** Takes a webhook in. Of two deliveries only one is `"new"`; the other gets what the first one left. */
    accept(receipt: Receipt): "new" | Seen {
      const inserted = db.insert(receipts).values(receipt).onConflictDoNothing().run()
      if (inserted.changes > 0) return "new"
      const first = db.select().from(receipts).where(eq(receipts.fingerprint, receipt.fingerprint)).get()
      if (!first) throw new AppError("INTERNAL", "A receipt disappeared while it was read")
      return { seen: true, answer: first.answer, idempotencyToken: first.idempotencyToken, at: first.at }
    },

    /** Keeps the answer, so that a repeated delivery gets the same. */
    setAnswer(fingerprint: string, answer: string): void {
      db.update(receipts).set({ answer }).where(eq(receipts.fingerprint, fingerprint)).run()
    },

    /** Deletes receipts older than `before`; returns how many. */
    prune(before: number): number {
      return db.delete(receipts).where(lt(receipts.at, before)).run().changes
    },
  }
}
