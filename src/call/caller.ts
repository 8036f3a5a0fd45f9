/** What is known of a caller across calls: how far the caller has consented, and what is remembered. Pure. */

import { z } from "zod"
import type { CallId } from "./ids.ts"

/** `asked`: a request for consent was sent. `logged-in`: consented, and another system confirmed who the caller is. */
export const CallerState = z.enum(["unknown", "asked", "consented", "logged-in"])
export type CallerState = z.infer<typeof CallerState>

/** Who reported a change. `call-token`: a holder of the token that was issued for one call. */
export const CallerSource = z.enum(["api-key", "call-token", "customer-api", "tool", "outcome"])
export type CallerSource = z.infer<typeof CallerSource>

/** `info-sent`: the caller has sent the requested information by text message; the state stays. */
export const CallerEventKind = z.enum(["asked", "consent", "login", "info-sent"])
export type CallerEventKind = z.infer<typeof CallerEventKind>

/** A number as one user of the API knows it. Null: calls and keys of no user. */
export type CallerId = { userId: string | null; number: string }

/** Times are in milliseconds since the epoch. */
export type CallerNote = { text: string; source: CallerSource; at: number }
export type CallerOutcome = { callId: CallId; at: number; data: unknown }
export type CallerStep = {
  event: CallerEventKind | "set"
  state: CallerState
  source: CallerSource
  at: number
}

export type Caller = CallerId & {
  state: CallerState
  /** Who reported the state, and when; null while it is `unknown` from the start. */
  stateSource: CallerSource | null
  stateAt: number | null
  name: string | null
  /** A language tag, such as `en-US`. */
  language: string | null
  /** Text for the agent that another system gave with a login. */
  knowledge: string | null
  /** Oldest first. */
  notes: CallerNote[]
  /** Of the last calls, oldest first. */
  outcomes: CallerOutcome[]
  /** The last events and settings of the state, oldest first. */
  history: CallerStep[]
  createdAt: number
  updatedAt: number
}

/** Undefined fields stay as they are. */
export type CallerChange = {
  /** Advances the state, or sets it. */
  state?: { event: CallerEventKind } | { set: CallerState } | undefined
  name?: string | null | undefined
  language?: string | null | undefined
  knowledge?: string | null | undefined
  /** Replaces all notes. */
  notes?: readonly string[] | undefined
  addNote?: string | undefined
  outcome?: { callId: CallId; data: unknown } | undefined
}

export const MAX_NOTES = 20
export const MAX_NOTE_CHARS = 500
export const MAX_KNOWLEDGE_CHARS = 8_000
const MAX_OUTCOMES = 5
/** Of one outcome as JSON. */
const MAX_OUTCOME_CHARS = 2_000
const MAX_HISTORY = 20

/** A name is spoken to callers and shown to models, so it is one line of letters. */
export const CallerName = z
  .string()
  .transform((text) => text.normalize("NFC").replace(/\s+/g, " ").trim())
  .pipe(
    z
      .string()
      .min(1)
      .max(60)
      .regex(/^[\p{L}\p{M}\p{N} .,'’-]+$/u, "must be letters, digits, spaces and . , ' -"),
  )
/** (BCP 47.) */
export const LanguageTag = z
  .string()
  .regex(/^[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$/, "must be a language tag, such as en-US")

export function newCaller({ userId, number }: CallerId, at: number): Caller {
  return {
    userId,
    number,
    state: "unknown",
    stateSource: null,
    stateAt: null,
    name: null,
    language: null,
    knowledge: null,
    notes: [],
    outcomes: [],
    history: [],
    createdAt: at,
    updatedAt: at,
  }
}

/** The caller after a change. What is too long is cut, and what is too old is dropped. */
export function changeCaller(
  caller: Caller,
  change: CallerChange,
  { source, at }: { source: CallerSource; at: number },
): Caller {
  const note = (text: string): CallerNote => ({ text: text.trim().slice(0, MAX_NOTE_CHARS), source, at })
  const notes = change.notes?.map(note) ?? caller.notes
  const withNote = change.addNote === undefined ? notes : [...notes, note(change.addNote)]
  return {
    ...caller,
    ...stateAfter(caller, change.state, { source, at }),
    name: change.name === undefined ? caller.name : change.name,
    language: change.language === undefined ? caller.language : change.language,
    knowledge:
      change.knowledge === undefined
        ? caller.knowledge
        : (change.knowledge?.slice(0, MAX_KNOWLEDGE_CHARS) ?? null),
    notes: withNote.filter(({ text }) => text !== "").slice(-MAX_NOTES),
    outcomes: outcomesAfter(caller, change.outcome, at),
    updatedAt: at,
  }
}

/** The state at `now`: a login counts for `loginMs`, consent until it is withdrawn. */
export function stateAtTime({ state, stateAt }: Caller, now: number, loginMs: number): CallerState {
  const hasLapsed = state === "logged-in" && now - (stateAt ?? 0) >= loginMs
  return hasLapsed ? "consented" : state
}

function stateAfter(
  { state, stateSource, stateAt, history }: Caller,
  change: CallerChange["state"],
  { source, at }: { source: CallerSource; at: number },
): Pick<Caller, "state" | "stateSource" | "stateAt" | "history"> {
  if (!change) return { state, stateSource, stateAt, history }
  const next = "set" in change ? change.set : advance(state, change.event)
  const event = "set" in change ? "set" : change.event
  const step: CallerStep = { event, state: next, source, at }
  const steps = [...history, step].slice(-MAX_HISTORY)
  const isReported = next !== state || event === "login"
  return isReported
    ? { state: next, stateSource: source, stateAt: at, history: steps }
    : { state, stateSource, stateAt, history: steps }
}

function advance(state: CallerState, event: CallerEventKind): CallerState {
  switch (event) {
    case "asked":
      return state === "unknown" ? "asked" : state
    case "consent":
      return state === "logged-in" ? state : "consented"
    case "login":
      return "logged-in"
    case "info-sent":
      return state
    default:
      return event satisfies never
  }
}

function outcomesAfter({ outcomes }: Caller, outcome: CallerChange["outcome"], at: number): CallerOutcome[] {
  if (!outcome || JSON.stringify(outcome.data).length > MAX_OUTCOME_CHARS) return outcomes
  const others = outcomes.filter(({ callId }) => callId !== outcome.callId)
  return [...others, { ...outcome, at }].slice(-MAX_OUTCOMES)
}
