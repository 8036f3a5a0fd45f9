/** Tables of callers and of documents. Times are milliseconds since the epoch. Nothing of this leaves the folder. */

import { index, integer, primaryKey, snakeCase, text, uniqueIndex } from "drizzle-orm/sqlite-core"
import type {
  CallerEventKind,
  CallerNote,
  CallerOutcome,
  CallerSource,
  CallerState,
  CallerStep,
} from "../../call/caller.ts"
import type { CallId } from "../../call/ids.ts"
import { calls } from "./schema.ts"

/** What is known of a caller across calls, for each user of the API. */
export const callers = snakeCase.table(
  "callers",
  {
    /** Empty: of no user. */
    userId: text().notNull(),
    /** In E.164 form. */
    number: text().notNull(),
    state: text().$type<CallerState>().notNull(),
    stateSource: text().$type<CallerSource>(),
    stateAt: integer(),
    name: text(),
    language: text(),
    knowledge: text(),
    notes: text({ mode: "json" }).$type<CallerNote[]>().notNull(),
    outcomes: text({ mode: "json" }).$type<CallerOutcome[]>().notNull(),
    history: text({ mode: "json" }).$type<CallerStep[]>().notNull(),
    createdAt: integer().notNull(),
    updatedAt: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.number] }),
    index("callers_age").on(table.updatedAt),
  ],
)

/** Tokens with which others may report about the caller of one call. */
export const callerTokens = snakeCase.table(
  "caller_tokens",
  {
    /** SHA-256 of the token, in hex. */
    hash: text().primaryKey(),
    callId: text()
      .$type<CallId>()
      .notNull()
      .references(() => calls.id, { onDelete: "cascade" }),
    userId: text().notNull(),
    number: text().notNull(),
    /** What it was used for. */
    used: text({ mode: "json" }).$type<CallerEventKind[]>().notNull(),
    expiresAt: integer().notNull(),
  },
  (table) => [
    uniqueIndex("caller_tokens_call").on(table.callId),
    index("caller_tokens_number").on(table.userId, table.number),
    index("caller_tokens_expiry").on(table.expiresAt),
  ],
)

/** Last good copies of documents from elsewhere. */
export const documents = snakeCase.table("documents", {
  source: text().primaryKey(),
  text: text(),
  fetchedAt: integer(),
  checkedAt: integer().notNull(),
  error: text(),
})
