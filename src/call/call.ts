/** One phone call and what is kept of it. */

import type { Engine } from "./engine.ts"
import type { CallId, CallSid } from "./ids.ts"
import type { IvrMenu, IvrState } from "./ivr-menu.ts"
import type { SessionEnd } from "./session-end.ts"
import type { CallStatus } from "./status.ts"
import type { TransferState } from "./transfer-state.ts"

export type Direction = "inbound" | "outbound"

/** Who or what ended a call. `limit` is the longest allowed length, `silence` a caller who stopped speaking. */
export type EndedBy = "caller" | "agent" | "api" | "limit" | "silence" | "system"

/** Who or what ended a call, and why. */
export type EndCause = { by: EndedBy; reason: string }

/** Free fields given with a call. */
export type Parameters = Record<string, string>

export type Call = {
  id: CallId
  /** Null until Twilio has answered a request to place the call. */
  sid: CallSid | null
  direction: Direction
  status: CallStatus
  from: string
  to: string
  /** Key of the agent in the configuration. */
  agent: string
  /** Keys and versions of context and manifest that the last session ran with; null before the first. */
  contextKey: string | null
  contextVersion: string | null
  manifestKey: string | null
  manifestVersion: string | null
  engine: Engine
  parameters: Parameters
  /** Instructions given with this call, in place of the agent's context. */
  prompt: string | null
  /** Greeting given with this call, in place of the agent's. */
  firstMessage: string | null
  /** The phone menu that the call has to pass, with its placeholders; null: a person is expected to answer. */
  ivrMenu: IvrMenu | null
  /** How far it has come in that menu; null without one. */
  ivrState: IvrState | null
  /** The name the caller of the API is bound to; null for inbound calls and unbound keys. */
  userId: string | null
  /** How often the conversation was resumed after a lost socket. */
  resumes: number
  /** Twilio's error codes of speech providers that failed in this call, in order; null before the first. */
  speechErrors: readonly string[] | null
  /** How the last session ended; null while one runs and before the first. */
  sessionEnd: SessionEnd | null
  /** The last transfer to a person; null before the first. */
  transfer: TransferState | null
  /** The caller's number in E.164 form, once a menu has checked it and, if typed, read it back; null before. */
  verifiedNumber: string | null
  /** Milliseconds since the epoch, as all times here. */
  createdAt: number
  answeredAt: number | null
  endedAt: number | null
  /** Whole seconds, as Twilio reports them. */
  durationSeconds: number | null
  endedBy: EndedBy | null
  /** Why it ended, or why it could not be placed. */
  endReason: string | null
}

/** Whole seconds from the answer to the end: as Twilio reports them, else by our own times. Null while the call runs or was never answered. */
export function durationOf({
  durationSeconds,
  answeredAt,
  endedAt,
}: Pick<Call, "durationSeconds" | "answeredAt" | "endedAt">): number | null {
  if (durationSeconds !== null || answeredAt === null || endedAt === null) return durationSeconds
  return Math.max(0, Math.round((endedAt - answeredAt) / 1000))
}
