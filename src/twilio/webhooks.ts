/**
 * Codecs of the forms that Twilio posts about a call. Unknown fields pass, as Twilio adds fields without notice; empty
 * and unreadable optional ones are null. Numbers stay as Twilio sends them: a caller may be withheld or no phone at all.
 */

import { z } from "zod"
import { CallSid } from "../call/ids.ts"
import { CallStatus } from "../call/status.ts"
import { AppError } from "../lib/errors.ts"
import type { Form } from "./form.ts"
import { directionOf } from "./words.ts"

const text = z.string()
const optionalText = z
  .string()
  .transform((value) => value || null)
  .catch(null)
const optionalCount = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)
  .nullable()
  .catch(null)
const optionalDirection = z.string().transform(directionOf).nullable().catch(null)

/** A request for instructions. (Twilio: "TwiML for Programmable Voice: Twilio's request to your application".) */
export const VoiceWebhook = z
  .object({
    CallSid,
    AccountSid: optionalText,
    ParentCallSid: optionalText,
    From: text,
    To: text,
    CallStatus,
    Direction: z.string().default("inbound").transform(directionOf),
    AnsweredBy: optionalText,
    ForwardedFrom: optionalText,
    CallerName: optionalText,
    StirVerstat: optionalText,
  })
  .transform((form) => ({
    callSid: form.CallSid,
    accountSid: form.AccountSid,
    parentCallSid: form.ParentCallSid,
    from: form.From,
    to: form.To,
    callStatus: form.CallStatus,
    direction: form.Direction,
    /** What machine detection found: `human`, `machine_start`, `fax`, … */
    answeredBy: form.AnsweredBy,
    forwardedFrom: form.ForwardedFrom,
    callerName: form.CallerName,
    /** Result of STIR/SHAKEN, for example `TN-Validation-Passed-A`. */
    stirVerstat: form.StirVerstat,
  }))
export type VoiceWebhook = z.infer<typeof VoiceWebhook>

/** A change of a call's status. They arrive late, twice and out of order. (Twilio: "Call resource: StatusCallback".) */
export const StatusWebhook = z
  .object({
    CallSid,
    AccountSid: optionalText,
    ParentCallSid: optionalText,
    From: optionalText,
    To: optionalText,
    CallStatus,
    Direction: optionalDirection,
    SequenceNumber: optionalCount,
    Timestamp: optionalText,
    CallDuration: optionalCount,
    SipResponseCode: optionalCount,
    AnsweredBy: optionalText,
  })
  .transform((form) => ({
    callSid: form.CallSid,
    accountSid: form.AccountSid,
    parentCallSid: form.ParentCallSid,
    from: form.From,
    to: form.To,
    callStatus: form.CallStatus,
    direction: form.Direction,
    /** Order of the events of one call, from 0. */
    sequenceNumber: form.SequenceNumber,
    /** When it happened, in milliseconds since the epoch; Twilio reports whole seconds. */
    at: msOf(form.Timestamp),
    /** Whole seconds; only at the end of a call. */
    durationSeconds: form.CallDuration,
    sipResponseCode: form.SipResponseCode,
    answeredBy: form.AnsweredBy,
  }))
export type StatusWebhook = z.infer<typeof StatusWebhook>

/**
 * `ended`: this server ended the session. `completed`: the call is over. `failed`: the socket or a provider was lost
 * while the call continues. (Twilio: "TwiML Voice: ConversationRelay", action callback.)
 */
const SessionStatus = z.enum(["ended", "completed", "failed"]).catch("failed")

/** The end of a relay session; its answer says how the call continues. */
export const ConnectEndedWebhook = z
  .object({
    CallSid,
    AccountSid: optionalText,
    From: optionalText,
    To: optionalText,
    CallStatus,
    Direction: optionalDirection,
    SessionId: optionalText,
    SessionStatus,
    SessionDuration: optionalCount,
    HandoffData: optionalText,
    ErrorCode: optionalText,
    ErrorMessage: optionalText,
  })
  .transform((form) => ({
    callSid: form.CallSid,
    accountSid: form.AccountSid,
    from: form.From,
    to: form.To,
    callStatus: form.CallStatus,
    direction: form.Direction,
    /** Null where no session came about. */
    sessionId: form.SessionId,
    sessionStatus: form.SessionStatus,
    /** Whole seconds. */
    durationSeconds: form.SessionDuration,
    /** The text of our `end` frame, unchanged. */
    handoffData: form.HandoffData,
    errorCode: form.ErrorCode,
    errorMessage: form.ErrorMessage,
  }))
export type ConnectEndedWebhook = z.infer<typeof ConnectEndedWebhook>

/** The request of the verb behind a media stream: the stream is over. (Twilio: "TwiML Voice: Redirect".) */
export const StreamEndedWebhook = z
  .object({ CallSid, CallStatus })
  .transform((form) => ({ callSid: form.CallSid, callStatus: form.CallStatus }))
export type StreamEndedWebhook = z.infer<typeof StreamEndedWebhook>

/** Throws `AppError` INVALID_REQUEST that names every wrong field. */
export function parseStreamEndedWebhook(form: Form): StreamEndedWebhook {
  return parse(StreamEndedWebhook, form)
}

/** The end of a transfer: of a `<Dial>` or an `<Enqueue>`. (Twilio: "TwiML Voice: Dial", "Enqueue", action callbacks.) */
export const TransferEndedWebhook = z
  .object({
    CallSid,
    CallStatus,
    DialCallStatus: optionalText,
    DialCallDuration: optionalCount,
    DialBridged: optionalText,
    QueueResult: optionalText,
  })
  .transform((form) => {
    // A person who was hung up on before the two were joined also ends `completed`.
    const isUnbridged = form.DialBridged === "false"
    const isDialled = form.DialCallStatus === "completed" || form.DialCallStatus === "answered"
    return {
      callSid: form.CallSid,
      callStatus: form.CallStatus,
      /** Whether the caller and a person were joined. */
      connected:
        (isDialled && !isUnbridged) ||
        form.QueueResult === "bridged" ||
        form.QueueResult === "redirected-from-bridged",
      /** Twilio's word for what became of it; `not-bridged` for a person who answered and was not joined. */
      result:
        isDialled && isUnbridged ? "not-bridged" : (form.DialCallStatus ?? form.QueueResult ?? "unknown"),
      durationSeconds: form.DialCallDuration,
    }
  })
export type TransferEndedWebhook = z.infer<typeof TransferEndedWebhook>

/** Throws `AppError` INVALID_REQUEST that names every wrong field. */
export function parseTransferEndedWebhook(form: Form): TransferEndedWebhook {
  return parse(TransferEndedWebhook, form)
}

/** What the called person pressed. (Twilio: "TwiML Voice: <Gather>", action.) */
const WhisperAnsweredWebhook = z
  .object({ Digits: optionalText })
  .transform(({ Digits }) => ({ digits: Digits }))

/** Throws `AppError` INVALID_REQUEST that names every wrong field. */
export function parseWhisperAnswered(form: Form): z.output<typeof WhisperAnsweredWebhook> {
  return parse(WhisperAnsweredWebhook, form)
}

/** The input of a caller to a menu, or a message that the caller left. (Twilio: "TwiML Voice: <Gather>", "<Record>", action.) */
export const MenuWebhook = z
  .object({
    CallSid,
    CallStatus,
    Digits: optionalText,
    SpeechResult: optionalText,
    RecordingUrl: optionalText,
    RecordingDuration: optionalCount,
  })
  .transform((form) => ({
    callSid: form.CallSid,
    callStatus: form.CallStatus,
    /** Of a message the key that ended it, or `hangup`. */
    digits: form.Digits,
    speech: form.SpeechResult,
    recordingUrl: form.RecordingUrl,
    /** Whole seconds. */
    recordingSeconds: form.RecordingDuration,
  }))
export type MenuWebhook = z.infer<typeof MenuWebhook>

/** Throws `AppError` INVALID_REQUEST that names every wrong field. */
export function parseMenuWebhook(form: Form): MenuWebhook {
  return parse(MenuWebhook, form)
}

/** What became of a recording, or what was said in it. (Twilio: "TwiML Voice: <Record>", recordingStatusCallback, transcribeCallback.) */
export const RecordingWebhook = z
  .object({
    CallSid,
    RecordingSid: z.string().regex(/^RE[0-9a-zA-Z]{32}$/),
    RecordingUrl: optionalText,
    RecordingStatus: z.enum(["in-progress", "completed", "absent", "failed"]).optional().catch(undefined),
    RecordingDuration: optionalCount,
    TranscriptionText: optionalText,
  })
  .transform((form) => ({
    callSid: form.CallSid,
    recordingSid: form.RecordingSid,
    url: form.RecordingUrl,
    status: form.RecordingStatus,
    durationSeconds: form.RecordingDuration,
    transcription: form.TranscriptionText,
  }))
export type RecordingWebhook = z.infer<typeof RecordingWebhook>

/** Throws `AppError` INVALID_REQUEST that names every wrong field. */
export function parseRecordingWebhook(form: Form): RecordingWebhook {
  return parse(RecordingWebhook, form)
}

/** What became of a text message. (Twilio: "Track outbound message status".) */
export const MessageStatusWebhook = z
  .object({ MessageSid: text, MessageStatus: text, ErrorCode: optionalText })
  .transform((form) => ({
    messageSid: form.MessageSid,
    status: form.MessageStatus,
    /** With `failed` and `undelivered`. */
    errorCode: form.ErrorCode,
  }))
export type MessageStatusWebhook = z.infer<typeof MessageStatusWebhook>

/** Throws `AppError` INVALID_REQUEST that names every wrong field. */
export function parseMessageStatusWebhook(form: Form): MessageStatusWebhook {
  return parse(MessageStatusWebhook, form)
}

/** Throws `AppError` INVALID_REQUEST that names every wrong field. */
export function parseVoiceWebhook(form: Form): VoiceWebhook {
  return parse(VoiceWebhook, form)
}

/** Throws `AppError` INVALID_REQUEST that names every wrong field. */
export function parseStatusWebhook(form: Form): StatusWebhook {
  return parse(StatusWebhook, form)
}

/** Throws `AppError` INVALID_REQUEST that names every wrong field. */
export function parseConnectEndedWebhook(form: Form): ConnectEndedWebhook {
  return parse(ConnectEndedWebhook, form)
}

function parse<T>(schema: z.ZodType<T>, form: Form): T {
  // Twilio repeats no field of these forms; of one that is repeated the first counts.
  const single = Object.entries(form).map(([name, value]) => [
    name,
    typeof value === "string" ? value : value[0],
  ])
  const parsed = schema.safeParse(Object.fromEntries(single))
  if (parsed.success) return parsed.data
  const details = parsed.error.issues.map((issue) => ({
    field: issue.path.join("."),
    message: issue.message,
  }))
  const faults = details.map(({ field, message }) => `${field}: ${message}`).join("; ")
  throw new AppError("INVALID_REQUEST", `Invalid Twilio request: ${faults}`, { details })
}

function msOf(timestamp: string | null): number | null {
  const ms = timestamp === null ? Number.NaN : Date.parse(timestamp)
  return Number.isNaN(ms) ? null : ms
}
