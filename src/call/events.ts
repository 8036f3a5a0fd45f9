/** What happens in a call, as facts in the past tense. Rows, streams and tests take their types from here. */

import { z } from "zod"
import type { CallId, CallSid } from "./ids.ts"
import { CallerEventKind, CallerSource, CallerState } from "./caller.ts"
import { fromHandoff, HandoffData, SessionEnd } from "./session-end.ts"
import { CallStatus } from "./status.ts"

const ms = z.number().nonnegative()
/** When the turn was heard, ISO 8601: the event comes when its text is certain, which may be later. */
const endedAt = z.iso.datetime().optional()

export const CallEvent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("call.created"),
    direction: z.enum(["inbound", "outbound"]),
    agent: z.string(),
  }),
  z.object({ type: z.literal("call.status-changed"), status: CallStatus, previous: CallStatus }),
  z.object({ type: z.literal("call.ended"), by: z.string(), reason: z.string() }),
  z.object({
    type: z.literal("session.opened"),
    engine: z.string(),
    sessionId: z.string(),
    /** 0 for the first socket of a call, then 1, 2, 3. */
    resume: z.number().int(),
  }),
  /** Why the session ended, with the fields of a `SessionEnd`. */
  z.object({
    type: z.literal("session.ended"),
    reason: z.enum(SessionEnd.options.map(({ shape }) => shape.reason.value)),
    detail: z.string().optional(),
    summary: z.string().optional(),
    to: z.string().optional(),
  }),
  z.object({ type: z.literal("session.closed"), code: z.number().int(), reason: z.string() }),
  z.object({
    type: z.literal("caller.spoke"),
    turnId: z.string(),
    text: z.string(),
    lang: z.string().nullable(),
    endedAt,
  }),
  z.object({ type: z.literal("digits.received"), turnId: z.string(), digits: z.string() }),
  z.object({ type: z.literal("message.inserted"), turnId: z.string(), role: z.string(), text: z.string() }),
  z.object({ type: z.literal("reply.started"), replyId: z.string() }),
  z.object({ type: z.literal("reply.first-token"), replyId: z.string(), tookMs: ms }),
  z.object({
    type: z.literal("reply.finished"),
    replyId: z.string(),
    outcome: z.enum(["said", "interrupted", "superseded", "failed"]),
    tookMs: ms,
    /** The text model that was asked; of a speech-to-speech model the use is counted by its own reports. */
    model: z.string().optional(),
    inputTokens: z.number().int().optional(),
    cachedTokens: z.number().int().optional(),
    outputTokens: z.number().int().optional(),
  }),
  z.object({
    type: z.literal("agent.spoke"),
    turnId: z.string(),
    text: z.string(),
    interrupted: z.boolean(),
    endedAt,
  }),
  z.object({ type: z.literal("tool.started"), toolCallId: z.string(), name: z.string() }),
  z.object({
    type: z.literal("tool.finished"),
    toolCallId: z.string(),
    name: z.string(),
    ok: z.boolean(),
    tookMs: ms,
    message: z.string().optional(),
    /** Why it failed, as in `SERVICE_REFUSED`. */
    code: z.string().optional(),
    /** HTTP status of the service that the tool asked. */
    status: z.number().int().optional(),
  }),
  z.object({
    type: z.literal("model.failed"),
    message: z.string(),
    retried: z.boolean(),
    /** The text model; of a speech-to-speech model there is none. */
    model: z.string().optional(),
    /** HTTP status. */
    status: z.number().int().optional(),
    /** The provider's error code, the code of a network error, or `timeout`. */
    code: z.string().optional(),
    /** The provider's id of the request. */
    requestId: z.string().optional(),
  }),
  z.object({
    type: z.literal("transfer.started"),
    kind: z.enum(["number", "sip", "queue", "workflow"]),
    to: z.string(),
    summary: z.string(),
  }),
  /** Caller and person were joined, and are no more. */
  z.object({ type: z.literal("transfer.finished"), result: z.string() }),
  z.object({ type: z.literal("transfer.failed"), reason: z.string() }),
  /** The called person pressed the key that accepts the call. */
  z.object({ type: z.literal("transfer.accepted") }),
  z.object({
    type: z.literal("agent.changed"),
    contextKey: z.string(),
    manifestKey: z.string(),
    listenMode: z.boolean(),
    silenceDetection: z.boolean(),
  }),
  z.object({ type: z.literal("menu.started"), menu: z.string() }),
  /** An input of the caller in a menu, or its absence. `text`: what was pressed or said, unless the menu keeps it secret. */
  z.object({
    type: z.literal("menu.answered"),
    menu: z.string(),
    step: z.string(),
    input: z.enum(["keys", "speech", "none", "message"]),
    text: z.string().optional(),
    /** Where the call is next: a step, or what it does. */
    next: z.string(),
  }),
  /** The number of the caller was checked and, if typed, confirmed. */
  z.object({ type: z.literal("caller.verified"), number: z.string() }),
  /** The caller left a message. */
  z.object({
    type: z.literal("message.left"),
    recordingSid: z.string(),
    durationSeconds: z.number().int().nullable(),
  }),
  /** Somebody reported about the caller. `source`: who, as in `call-token`. */
  z.object({
    type: z.literal("caller.changed"),
    /** `set`: the state was set through the API. */
    report: z.enum([...CallerEventKind.options, "set"]),
    state: CallerState,
    source: CallerSource,
  }),
  z.object({ type: z.literal("customer-api.failed"), message: z.string() }),
  /** A text message of the call did not arrive. `errorCode`: Twilio's. */
  z.object({
    type: z.literal("sms.failed"),
    messageSid: z.string(),
    errorCode: z.string().nullable(),
    cause: z.string(),
  }),
  /** The call begins in a phone menu (IVR) of the other side, with so many entries to go by. */
  z.object({ type: z.literal("ivr.started"), entries: z.number().int() }),
  z.object({ type: z.literal("ivr.heard"), turnId: z.string(), text: z.string() }),
  /** `text`: keys or words. `intent`: that of the entry; null for what no entry says. */
  z.object({
    type: z.literal("ivr.answered"),
    turnId: z.string(),
    action: z.enum(["press", "say"]),
    text: z.string(),
    intent: z.string().nullable(),
    /** The menu had started over. */
    restarted: z.boolean(),
  }),
  /** What was heard needs no answer. */
  z.object({
    type: z.literal("ivr.waited"),
    why: z.enum(["no-words", "no-match", "hold", "silent-entry", "just-answered", "screening"]),
  }),
  /** A person answers; `words` begin the conversation. */
  z.object({ type: z.literal("ivr.human-reached"), words: z.string() }),
  z.object({
    type: z.literal("ivr.gave-up"),
    reason: z.enum(["voicemail", "repeats", "restarts", "stuck", "time"]),
  }),
  z.object({ type: z.literal("relay.failed"), description: z.string() }),
  /** A speech provider failed, and no other could take its place. `status`: of HTTP. */
  z.object({
    type: z.literal("speech.failed"),
    what: z.enum(["hearing", "speaking"]),
    reason: z.string(),
    status: z.number().int().optional(),
  }),
  z.object({ type: z.literal("frame.rejected"), reason: z.string() }),
])
export type CallEvent = z.infer<typeof CallEvent>

/** The field `endedAt` of a turn that was heard until then. */
export function endedAtOf(at: number | null): { endedAt?: string } {
  return at === null ? {} : { endedAt: new Date(at).toISOString() }
}

/** An event with the call it belongs to and its time in milliseconds since the epoch. */
export type RecordedEvent = { callId: CallId; callSid: CallSid | null; at: number; event: CallEvent }

const HandedOver = HandoffData.extend({ type: z.literal("session.handed-over") })

/** A stored event in its present form: earlier versions wrote `session.handed-over` for `session.ended`. */
export function currentEvent<E extends { event: CallEvent }>(row: E): E {
  const { type }: { type: string } = row.event
  if (type !== "session.handed-over") return row
  return { ...row, event: { type: "session.ended", ...fromHandoff(HandedOver.parse(row.event)) } }
}
