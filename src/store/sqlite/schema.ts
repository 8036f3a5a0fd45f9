/** Tables of the database. Times are milliseconds since the epoch. Nothing of this leaves the folder. */

import { sql } from "drizzle-orm"
import { index, integer, primaryKey, real, snakeCase, text, uniqueIndex } from "drizzle-orm/sqlite-core"
import type { Direction, EndedBy, Parameters } from "../../call/call.ts"
import type { Engine } from "../../call/engine.ts"
import type { CallEvent } from "../../call/events.ts"
import type { CallId, CallSid } from "../../call/ids.ts"
import type { MenuState } from "../../call/menu-state.ts"
import type { IvrMenu, IvrState } from "../../call/ivr-menu.ts"
import type { SessionEnd } from "../../call/session-end.ts"
import type { CallStatus } from "../../call/status.ts"
import type { TransferState } from "../../call/transfer-state.ts"
import type { Latency, Speaker, ToolRecord, Turn, TurnKind } from "../../call/turn.ts"
import type { QuotaKind } from "../quotas.ts"
import type { VoiceMessageStatus } from "../../call/voice-message.ts"
import type { UsageAmounts, UsageKind } from "../../call/usage.ts"

export const calls = snakeCase.table(
  "calls",
  {
    id: text().$type<CallId>().primaryKey(),
    sid: text().$type<CallSid>(),
    direction: text().$type<Direction>().notNull(),
    status: text().$type<CallStatus>().notNull(),
    from: text().notNull(),
    to: text().notNull(),
    agent: text().notNull(),
    /** Versions of context and manifest that the last session ran with; null before the first. */
    contextKey: text(),
    contextVersion: text(),
    manifestKey: text(),
    manifestVersion: text(),
    engine: text().$type<Engine>().notNull(),
    parameters: text({ mode: "json" }).$type<Parameters>().notNull(),
    prompt: text(),
    firstMessage: text(),
    /** The phone menu that the call has to pass, and how far it has come in it. */
    ivrMenu: text({ mode: "json" }).$type<IvrMenu>(),
    ivrState: text().$type<IvrState>(),
    userId: text(),
    resumes: integer().notNull().default(0),
    speechErrors: text({ mode: "json" }).$type<readonly string[]>(),
    createdAt: integer().notNull(),
    answeredAt: integer(),
    endedAt: integer(),
    durationSeconds: integer(),
    endedBy: text().$type<EndedBy>(),
    endReason: text(),
    idempotencyKey: text(),
    /** Distinguishes a repeated request from another one under the same key. */
    requestHash: text(),
    /** Until then one request alone may ask Twilio for the call. */
    dialLeaseUntil: integer(),
    socketToken: text(),
    socketTokenExpiresAt: integer(),
    socketClaimedAt: integer(),
    /** The last socket session, in Twilio's words `VX…` or `MZ…`. */
    sessionId: text(),
    /** How that session ended; null while it runs. */
    sessionEnd: text({ mode: "json" }).$type<SessionEnd>(),
    /** The last transfer to a person; null before the first. */
    transfer: text({ mode: "json" }).$type<TransferState>(),
    /** The caller's number, once it was checked and confirmed. */
    verifiedNumber: text(),
    /** Where the call is in its menus; null before the first. */
    menu: text({ mode: "json" }).$type<MenuState>(),
    /** Grows with each change of `menu`, so that of two requests at once only one has an effect. */
    menuRevision: integer().notNull().default(0),
    /** Highest `SequenceNumber` of Twilio's status callbacks. */
    lastStatusSequence: integer(),
  },
  (table) => [
    uniqueIndex("calls_sid").on(table.sid),
    uniqueIndex("calls_socket_token").on(table.socketToken),
    uniqueIndex("calls_idempotency").on(sql`coalesce(${table.userId}, '')`, table.idempotencyKey),
    index("calls_newest").on(table.createdAt, table.id),
    index("calls_of_user").on(table.userId, table.createdAt),
    index("calls_status").on(table.status),
  ],
)

export const turns = snakeCase.table(
  "turns",
  {
    id: text().primaryKey(),
    callId: text()
      .$type<CallId>()
      .notNull()
      .references(() => calls.id, { onDelete: "cascade" }),
    seq: integer().notNull(),
    kind: text().$type<TurnKind>().notNull(),
    speaker: text().$type<Speaker>().notNull(),
    text: text().notNull(),
    interrupted: integer({ mode: "boolean" }).notNull(),
    lang: text(),
    startedAt: integer().notNull(),
    endedAt: integer(),
    latency: text({ mode: "json" }).$type<Latency>(),
    tool: text({ mode: "json" }).$type<ToolRecord>(),
  },
  (table) => [index("turns_of_call").on(table.callId, table.seq)],
)

export const events = snakeCase.table(
  "events",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    callId: text()
      .$type<CallId>()
      .notNull()
      .references(() => calls.id, { onDelete: "cascade" }),
    callSid: text().$type<CallSid>(),
    at: integer().notNull(),
    event: text({ mode: "json" }).$type<CallEvent>().notNull(),
  },
  (table) => [index("events_of_call").on(table.callId, table.id)],
)

/** Webhooks that were accepted, so that one delivered twice is answered the same and does nothing. */
export const receipts = snakeCase.table(
  "receipts",
  {
    fingerprint: text().primaryKey(),
    kind: text().notNull(),
    idempotencyToken: text(),
    answer: text(),
    at: integer().notNull(),
  },
  (table) => [index("receipts_age").on(table.at)],
)

/** Every version of every asset that was stored, or that a call ran with. The newest of a key is the one in force. */
export const assets = snakeCase.table(
  "assets",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    kind: text().$type<"context" | "manifest" | "config" | "menu">().notNull(),
    key: text().notNull(),
    /** Short hash of the text: the same text, the same version. */
    version: text().notNull(),
    text: text().notNull(),
    /** `api` and `sync` layers are in force; `seen` is a file or embedded text that a call ran with, kept for the record. */
    source: text().$type<"api" | "sync" | "seen">().notNull(),
    /** The key was deleted: the layers below show again. */
    deleted: integer({ mode: "boolean" }).notNull().default(false),
    createdAt: integer().notNull(),
  },
  (table) => [index("assets_of_key").on(table.kind, table.key, table.id)],
)

/** Conversations without a phone. */
export const conversations = snakeCase.table(
  "conversations",
  {
    /** A random UUID, the session's id. */
    id: text().primaryKey(),
    userId: text(),
    agent: text().notNull(),
    parameters: text({ mode: "json" }).$type<Parameters>().notNull(),
    turns: text({ mode: "json" }).$type<Turn[]>().notNull(),
    createdAt: integer().notNull(),
    updatedAt: integer().notNull(),
    expiresAt: integer().notNull(),
    /** Grows with each update, so that two at once do not overwrite each other. */
    revision: integer().notNull().default(0),
  },
  (table) => [index("conversations_expiry").on(table.expiresAt)],
)

/** What a call has used, one row for each kind of counter of each model. Rows of a call are replaced as they grow. */
export const usage = snakeCase.table(
  "usage",
  {
    callId: text()
      .$type<CallId>()
      .notNull()
      .references(() => calls.id, { onDelete: "cascade" }),
    /** `realtime`, `chat`, `transcription`, `speech`. */
    kind: text().$type<UsageKind>().notNull(),
    model: text().notNull(),
    /** Tokens, seconds and characters by name. */
    amounts: text({ mode: "json" }).$type<UsageAmounts>().notNull(),
    /** In US dollars; null where no price is known. */
    cost: real(),
    updatedAt: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.callId, table.kind, table.model] })],
)

/** Work that must survive a restart: deliveries of webhooks, extraction of outcomes. */
export const jobs = snakeCase.table(
  "jobs",
  {
    id: text().primaryKey(),
    kind: text().notNull(),
    callId: text()
      .$type<CallId>()
      .references(() => calls.id, { onDelete: "cascade" }),
    payload: text({ mode: "json" }).$type<unknown>().notNull(),
    dueAt: integer().notNull(),
    attempts: integer().notNull().default(0),
    state: text().$type<"waiting" | "done" | "failed">().notNull().default("waiting"),
    lastError: text(),
    createdAt: integer().notNull(),
    doneAt: integer(),
  },
  (table) => [
    index("jobs_due").on(table.state, table.dueAt),
    uniqueIndex("jobs_once").on(table.callId, table.kind),
  ],
)

/** What was learned in a call, extracted after its end. */
export const outcomes = snakeCase.table("outcomes", {
  callId: text()
    .$type<CallId>()
    .primaryKey()
    .references(() => calls.id, { onDelete: "cascade" }),
  status: text().$type<"pending" | "ready" | "failed">().notNull(),
  data: text({ mode: "json" }).$type<unknown>(),
  error: text(),
  createdAt: integer().notNull(),
  updatedAt: integer().notNull(),
})

/** Uses that are limited within a time. Pruned when no limit reaches back so far. */
export const quotaUses = snakeCase.table(
  "quota_uses",
  {
    /** `start`: a call or a transfer. Earlier versions counted transfers as `transfer`. */
    kind: text().$type<"start" | "transfer" | QuotaKind>().notNull(),
    /** Whose use it is: a user, or the hash of a number. */
    subject: text().notNull(),
    at: integer().notNull(),
  },
  (table) => [index("quota_uses_time").on(table.kind, table.at)],
)

/** Messages that callers left. */
export const voiceMessages = snakeCase.table(
  "voice_messages",
  {
    /** Twilio's SID of the recording. */
    recordingSid: text().primaryKey(),
    callId: text()
      .$type<CallId>()
      .notNull()
      .references(() => calls.id, { onDelete: "cascade" }),
    menu: text().notNull(),
    step: text().notNull(),
    status: text().$type<VoiceMessageStatus>().notNull(),
    url: text().notNull(),
    durationSeconds: integer(),
    transcription: text(),
    createdAt: integer().notNull(),
    updatedAt: integer().notNull(),
  },
  (table) => [index("voice_messages_of_call").on(table.callId, table.createdAt)],
)

/** How far the clock of the machine is ahead of steady time, in milliseconds. One row. */
export const timeScale = snakeCase.table("time_scale", {
  id: integer().primaryKey(),
  aheadMs: integer().notNull(),
})
