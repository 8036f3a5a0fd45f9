/**
 * Why a session ended. Stored with the call, it decides what the call does next. ConversationRelay carries it through
 * Twilio as `handoffData`; a media stream cannot carry it.
 */

import { z } from "zod"

export const SessionEnd = z.discriminatedUnion("reason", [
  /** The agent finished the conversation. `summary`: what it was about. */
  z.object({ reason: z.literal("agent-ended"), detail: z.string(), summary: z.string().optional() }),
  /** The caller is to be connected to a person. `to`: the target, in place of the agent's. */
  z.object({ reason: z.literal("transfer"), summary: z.string(), to: z.string().optional() }),
  /** The caller stopped speaking. */
  z.object({ reason: z.literal("silence"), detail: z.string() }),
  /** The call reached its longest allowed length. */
  z.object({ reason: z.literal("time-limit"), detail: z.string() }),
  /** A program ended the call. */
  z.object({ reason: z.literal("api"), detail: z.string() }),
  /** The speech-to-speech model cannot be reached any more. */
  z.object({ reason: z.literal("model-failed"), detail: z.string() }),
  /** The provider of the model refused the key, which a text model of the same provider would use too. */
  z.object({ reason: z.literal("model-refused"), detail: z.string() }),
  /** The socket was lost while the call continued. */
  z.object({ reason: z.literal("lost"), detail: z.string() }),
])
export type SessionEnd = z.infer<typeof SessionEnd>

/** In characters. */
const MAX_DETAIL = 500
const MAX_SUMMARY = 2_000

/** The same with texts of limited length, as it is stored. */
export function limitLength(end: SessionEnd): SessionEnd {
  if (end.reason === "transfer") return { ...end, summary: end.summary.slice(0, MAX_SUMMARY) }
  const detail = end.detail.slice(0, MAX_DETAIL)
  if (end.reason !== "agent-ended" || end.summary === undefined) return { ...end, detail }
  return { ...end, detail, summary: end.summary.slice(0, MAX_SUMMARY) }
}

/** The `reasonCode` of each end. Receivers of `handoffData` know the first three from Simple Conversation Relay. */
const CODES = [
  ["end-call", "agent-ended"],
  ["unresponsive", "silence"],
  ["live-agent-handoff", "transfer"],
  ["time-limit", "time-limit"],
  ["api", "api"],
  ["model-failed", "model-failed"],
  ["model-refused", "model-refused"],
  ["lost", "lost"],
] as const satisfies [code: string, reason: SessionEnd["reason"]][]

/** What `handoffData` holds as JSON. `reason` of a transfer is the summary for the person who takes the call. */
export const HandoffData = z.object({
  reasonCode: z.string(),
  reason: z.string().default(""),
  conversationSummary: z.string().optional().catch(undefined),
  transferTo: z.string().optional(),
})
export type HandoffData = z.infer<typeof HandoffData>

/** The text for the `end` frame of ConversationRelay. */
export function encodeHandoffData(end: SessionEnd): string {
  const reasonCode = CODES.find(([, reason]) => reason === end.reason)?.[0]
  if (end.reason === "transfer") {
    return JSON.stringify({ reasonCode, reason: end.summary, transferTo: end.to })
  }
  const conversationSummary = end.reason === "agent-ended" ? end.summary : undefined
  return JSON.stringify({ reasonCode, reason: end.detail, conversationSummary })
}

/** Reads the text back. No text, or one of another program, means only that the agent's side ended the session. */
export function decodeHandoffData(text: string | null): SessionEnd {
  const parsed = HandoffData.safeParse(jsonOf(text ?? ""))
  return parsed.success
    ? fromHandoff(parsed.data)
    : { reason: "agent-ended", detail: "the session was ended" }
}

/** The text without a target of its own: only the transfer route, which checks it, may name one. */
export function withoutTarget(text: string): string {
  const parsed = z.record(z.string(), z.unknown()).safeParse(jsonOf(text))
  if (!parsed.success || !Object.hasOwn(parsed.data, "transferTo")) return text
  const { transferTo: _, ...rest } = parsed.data
  return JSON.stringify(rest)
}

/** An unknown code counts as an end by the agent. */
export function fromHandoff({
  reasonCode,
  reason: text,
  conversationSummary: summary,
  transferTo,
}: HandoffData): SessionEnd {
  const reason = CODES.find(([code]) => code === reasonCode)?.[1] ?? "agent-ended"
  if (reason === "transfer") {
    return { reason, summary: text, ...(transferTo === undefined ? {} : { to: transferTo }) }
  }
  const detail = text || reasonCode
  return reason === "agent-ended" && summary !== undefined ? { reason, detail, summary } : { reason, detail }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
