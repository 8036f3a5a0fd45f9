/**
 * Codec of the frames on a ConversationRelay socket, both ways.
 * (Twilio: "WebSocket messages for ConversationRelay". The layout of `config` and `hints` is not published there.)
 */

import { z } from "zod"
import { KeypadKeys } from "../call/keypad.ts"
import type { Direction } from "../call/call.ts"
import { CallSid } from "../call/ids.ts"
import type { CallStatus } from "../call/status.ts"
import { AppError } from "../lib/errors.ts"
import { frameReader } from "./frame-reader.ts"
import { callStatusOf, directionOf } from "./words.ts"

/** First frame of a session. A call that is resumed has a new `sessionId` under the same `callSid`. */
export type RelaySetup = {
  type: "setup"
  sessionId: string
  accountSid: string
  callSid: CallSid
  parentCallSid: string | null
  /** A number, `client:…`, `sip:…`, or a word for a withheld number. */
  from: string
  to: string
  forwardedFrom: string | null
  callType: string | null
  callerName: string | null
  direction: Direction
  callStatus: CallStatus
  /** What the TwiML gave as `<Parameter>`. */
  customParameters: Record<string, string>
}

export type RelayInbound =
  | RelaySetup
  /** What the caller said. With `last` false it is a partial: each holds the whole text so far. */
  | { type: "prompt"; text: string; lang: string | null; last: boolean }
  /** The caller cut the agent off; everything queued is gone. `heard` is what was spoken of the current utterance. */
  | { type: "interrupt"; heard: string; heardMs: number | null }
  /** One key: `0`–`9`, `*` or `#`. */
  | { type: "dtmf"; digit: string }
  | { type: "info"; name: "agentSpeaking" | "clientSpeaking"; on: boolean }
  /** A clause that was spoken, or digits that were sent. */
  | { type: "info"; name: "tokensPlayed"; text: string }
  | { type: "info"; name: "configUpdated" }
  /** Information that this program does not know; `label` is its name, at most 64 characters. */
  | { type: "info"; name: "other"; label: string }
  /** Not always the end. `code` is null where the description has none; the description may quote our own frame. */
  | { type: "error"; description: string; code: number | null }
  /** A type that this program does not know; `name` is the type, at most 64 characters. */
  | { type: "unknown"; name: string }

const optionalText = z
  .string()
  .transform((text) => text || null)
  .catch(null)
const customParameters = z
  .record(z.string(), z.unknown())
  .transform((given) =>
    Object.fromEntries(Object.entries(given).map(([name, value]) => [name, asText(value)])),
  )
  .catch({})
const speaking = z.object({ name: z.enum(["agentSpeaking", "clientSpeaking"]), value: z.enum(["on", "off"]) })

const INBOUND: Record<string, z.ZodType<RelayInbound>> = {
  setup: z
    .object({
      sessionId: z.string().min(1),
      accountSid: z.string().catch(""),
      callSid: CallSid,
      parentCallSid: optionalText,
      from: z.string().catch(""),
      to: z.string().catch(""),
      forwardedFrom: optionalText,
      callType: optionalText,
      callerName: optionalText,
      direction: z.unknown().optional().transform(directionOf),
      // The socket is open, so the call is at least being answered.
      callStatus: z
        .unknown()
        .optional()
        .transform((word) => callStatusOf(word) ?? "in-progress"),
      customParameters,
    })
    .transform((fields) => ({ type: "setup" as const, ...fields })),
  prompt: z
    .object({ voicePrompt: z.string(), lang: optionalText, last: z.boolean().default(true) })
    .transform(({ voicePrompt, lang, last }) => ({ type: "prompt" as const, text: voicePrompt, lang, last })),
  // An interruption counts even if its fields are missing: nothing more will be heard either way.
  interrupt: z
    .object({
      utteranceUntilInterrupt: z.string().catch(""),
      durationUntilInterruptMs: z.unknown().optional().transform(asMs),
    })
    .transform((fields) => ({
      type: "interrupt" as const,
      heard: fields.utteranceUntilInterrupt,
      heardMs: fields.durationUntilInterruptMs,
    })),
  dtmf: z
    .object({ digit: z.string().regex(/^[0-9*#]$/, "must be one of 0-9, * and #") })
    .transform(({ digit }) => ({ type: "dtmf" as const, digit })),
  info: z.union([
    speaking.transform(({ name, value }) => ({ type: "info" as const, name, on: value === "on" })),
    z
      .object({ name: z.literal("tokensPlayed"), value: z.string() })
      .transform(({ name, value }) => ({ type: "info" as const, name, text: value })),
    z.object({ name: z.literal("configUpdated") }).transform(({ name }) => ({ type: "info" as const, name })),
    z
      .object({ name: z.string().catch("") })
      .transform(({ name }) => ({ type: "info" as const, name: "other" as const, label: name.slice(0, 64) })),
  ]),
  error: z.object({ description: z.string().catch("") }).transform(({ description }) => ({
    type: "error" as const,
    description,
    code: errorCodeOf(description),
  })),
}

/** Reads one frame from Twilio. Never throws, and `reason` holds no part of the text. */
export const parseRelayFrame = frameReader<RelayInbound>({ kindIn: "type", kinds: INBOUND, faultsOf })

const speechOptions = { interruptible: z.boolean().optional(), preemptible: z.boolean().optional() }
const languageTag = z.string().min(1).optional()

/** A frame to Twilio. */
export const RelayOutbound = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("text"),
    /** Any amount of text; Twilio joins tokens as they are, so spaces belong to them. */
    token: z.string(),
    /** Closes a talk cycle; every reply needs one, with an empty token if need be. */
    last: z.boolean(),
    lang: languageTag,
    ...speechOptions,
  }),
  z.strictObject({
    type: z.literal("play"),
    source: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }),
    /** 0 plays as often as allowed; 1 where it is missing. */
    loop: z.int().min(0).max(1000).optional(),
    ...speechOptions,
  }),
  z.strictObject({
    type: z.literal("sendDigits"),
    digits: KeypadKeys,
  }),
  z
    .strictObject({
      type: z.literal("language"),
      ttsLanguage: languageTag,
      transcriptionLanguage: languageTag,
    })
    .refine((frame) => frame.ttsLanguage !== undefined || frame.transcriptionLanguage !== undefined, {
      error: "must name ttsLanguage or transcriptionLanguage",
    }),
  /** Ends the session; `handoffData` comes back in the `<Connect action>` request. */
  z.strictObject({ type: z.literal("end"), handoffData: z.string().optional() }),
])
export type RelayOutbound = z.infer<typeof RelayOutbound>
type TextFrame = Extract<RelayOutbound, { type: "text" }>

/** Writes one frame to Twilio. Throws `AppError` INTERNAL for an invalid one: ten of them in a row end the session. */
export function encodeRelayFrame(frame: RelayOutbound): string {
  if (frame.type === "text") return encodeText(frame)
  const parsed = RelayOutbound.safeParse(frame)
  if (!parsed.success) throw new AppError("INTERNAL", `invalid relay frame: ${faultsOf(parsed.error)}`)
  return JSON.stringify(parsed.data)
}

/** Once for each token of a model, so it costs no schema. `JSON.stringify` leaves out what is undefined. */
function encodeText({ token, last, lang, interruptible, preemptible }: TextFrame): string {
  const valid =
    typeof token === "string" &&
    typeof last === "boolean" &&
    (lang === undefined || (typeof lang === "string" && lang !== "")) &&
    (interruptible === undefined || typeof interruptible === "boolean") &&
    (preemptible === undefined || typeof preemptible === "boolean")
  if (!valid) throw new AppError("INTERNAL", "invalid relay frame: text")
  return JSON.stringify({ type: "text", token, last, lang, interruptible, preemptible })
}

/** Only top-level names: deeper ones may come from the other side. */
function faultsOf(error: z.ZodError): string {
  return error.issues.map((issue) => `${String(issue.path[0] ?? "frame")} ${faultOf(issue)}`).join(", ")
}

function faultOf(issue: z.core.$ZodIssue): string {
  // zod quotes the names of unrecognised keys.
  return issue.code === "unrecognized_keys" ? "has unknown fields" : issue.message
}

function asText(value: unknown): string {
  if (typeof value === "string") return value
  return value === null ? "" : JSON.stringify(value)
}

/** Milliseconds from a number or a numeric string. */
function asMs(value: unknown): number | null {
  if (typeof value !== "number" && typeof value !== "string") return null
  const ms = value === "" ? Number.NaN : Number(value)
  return Number.isFinite(ms) && ms >= 0 ? ms : null
}

function errorCodeOf(description: string): number | null {
  const found = /\bcode\W{0,3}(\d{5})\b/i.exec(description) ?? /\b(64\d{3}|39001)\b/.exec(description)
  return found ? Number(found[1]) : null
}
