/** Copies of documents in SQLite. */

import { notInArray } from "drizzle-orm"
import type { Documents } from "../documents.ts"
import type { Access } from "./access.ts"
import type { Db } from "./database.ts"
import { documents } from "./caller-schema.ts"

export function createDocuments(db: Db, access: Access): Documents {
  return {
    all: () => access.read(() => db.select().from(documents).all()),

    put: ({ source, text, at }) =>
      access.write(() => {
        const fetched = { text, fetchedAt: at, checkedAt: at, error: null }
        db.insert(documents)
          .values({ source, ...fetched })
          .onConflictDoUpdate({ target: documents.source, set: fetched })
          .run()
      }),

    fail: ({ source, error, at }) =>
      access.write(() => {
        const failed = { checkedAt: at, error }
        db.insert(documents)
          .values({ source, text: null, fetchedAt: null, ...failed })
          .onConflictDoUpdate({ target: documents.source, set: failed })
          .run()
      }),

    keepOnly: (sources) =>
      access.write(
        () =>
          void db
            .delete(documents)
            .where(notInArray(documents.source, [...sources]))
            .run(),
      ),
  }
}
