/** Callers as the API shows and takes them. */

import { z } from "zod"
import {
  CallerEventKind,
  CallerName,
  CallerSource,
  CallerState,
  LanguageTag,
  MAX_KNOWLEDGE_CHARS,
  MAX_NOTE_CHARS,
  MAX_NOTES,
  type Caller,
} from "../../call/caller.ts"
import { named, withExamples } from "../openapi/operation.ts"

export const NUMBER = "+15550100001"

const note = z.string().trim().min(1).max(MAX_NOTE_CHARS)
const knowledge = z
  .string()
  .trim()
  .min(1)
  .max(MAX_KNOWLEDGE_CHARS)
  .describe("Text for the agent, shown to it while the login counts")

export const CallerView = named(
  "Caller",
  z.object({
    number: z.string(),
    userId: z.string().nullable(),
    state: CallerState.describe("A login that counts no longer is shown as consented"),
    stateSource: CallerSource.nullable().describe("Who reported the state"),
    stateAt: z.iso.datetime().nullable(),
    name: z.string().nullable(),
    language: z.string().nullable(),
    knowledge: z.string().nullable(),
    notes: z.array(z.object({ text: z.string(), source: CallerSource, at: z.iso.datetime() })),
    outcomes: z
      .array(z.object({ callId: z.string(), at: z.iso.datetime(), data: z.unknown() }))
      .describe("Of the last calls, oldest first"),
    history: z
      .array(
        z.object({
          event: z.enum([...CallerEventKind.options, "set"]),
          state: CallerState,
          source: CallerSource,
          at: z.iso.datetime(),
        }),
      )
      .describe("The last reports, oldest first"),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  }),
  {
    number: NUMBER,
    userId: null,
    state: "consented",
    stateSource: "call-token",
    stateAt: "2026-11-20T20:05:57.064Z",
    name: "Anna",
    language: "en-US",
    knowledge: null,
    notes: [{ text: "Prefers mornings.", source: "tool", at: "2026-11-20T20:06:11.530Z" }],
    outcomes: [],
    history: [{ event: "consent", state: "consented", source: "call-token", at: "2026-11-20T20:05:57.064Z" }],
    createdAt: "2026-11-20T20:05:40.101Z",
    updatedAt: "2026-11-20T20:06:11.530Z",
  },
)

export const CallerList = withExamples(
  z.object({
    callers: z.array(CallerView),
    next: z.string().nullable().describe("`after` of the next page; null on the last"),
  }),
  { callers: [], next: null },
)

export const CallerPatch = named(
  "CallerPatch",
  z
    .strictObject({
      name: CallerName.nullable().optional(),
      language: LanguageTag.nullable().optional(),
      knowledge: knowledge.nullable().optional(),
      state: CallerState.optional().describe("Sets the state, also back: `unknown` withdraws consent"),
      notes: z.array(note).max(MAX_NOTES).optional().describe("Replaces all notes"),
      addNote: note.optional().describe("Adds a note; beyond the limit the oldest is dropped"),
    })
    .refine((body) => Object.keys(body).length > 0, "must name what is to change"),
  { name: "Anna", addNote: "Prefers mornings." },
)

/** The names of events at `/user`, and the short ones. */
const EVENTS = {
  user_consent: "consent",
  user_login: "login",
  user_send_sms: "info-sent",
  consent: "consent",
  login: "login",
  "info-sent": "info-sent",
} as const

const EventName = z.enum(["user_consent", "user_login", "user_send_sms", "consent", "login", "info-sent"])

const report = {
  event: EventName.describe("`user_consent`, `user_login` and `user_send_sms` are the names at `/user`"),
  name: CallerName.optional(),
  language: LanguageTag.optional(),
  knowledge: knowledge.optional(),
}

export const CallerEventBody = named("CallerEvent", z.strictObject(report), {
  event: "login",
  name: "Anna",
  knowledge: "Has a sensor of type 3, delivered on 2 November.",
})

/** A message at `/user`. Other fields are ignored: services of the earlier system send more. */
export const UserMessage = z.object({ ...report, phoneNumber: z.string().min(1).max(64).optional() })

export const CallerEventView = withExamples(
  z.object({
    number: z.string(),
    event: CallerEventKind,
    state: CallerState,
    liveCalls: z.number().int().describe("Running calls that learned of it"),
  }),
  { number: NUMBER, event: "login", state: "logged-in", liveCalls: 1 },
)

export function eventKind(name: z.infer<typeof EventName>): CallerEventKind {
  return EVENTS[name]
}

export function callerView(caller: Caller, state: CallerState): z.infer<typeof CallerView> {
  const { stateAt, notes, outcomes, history, createdAt, updatedAt } = caller
  return {
    ...caller,
    state,
    stateAt: stateAt === null ? null : isoOf(stateAt),
    notes: notes.map((item) => ({ ...item, at: isoOf(item.at) })),
    outcomes: outcomes.map((item) => ({ ...item, at: isoOf(item.at) })),
    history: history.map((item) => ({ ...item, at: isoOf(item.at) })),
    createdAt: isoOf(createdAt),
    updatedAt: isoOf(updatedAt),
  }
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}
