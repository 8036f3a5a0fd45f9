/** One entry of a conversation: speech, digits, a note, or a tool call. */

import type { CallId } from "./ids.ts"

/**
 * `speech` and `keypad` are what was said and pressed: they make the transcript.
 * `note` is a message put in by the API or by a status; `tool` is a tool call with its result. `ivr` is what was heard and
 * answered in a phone menu before a person was reached; it is no part of the conversation.
 */
export type TurnKind = "speech" | "keypad" | "note" | "tool" | "ivr"
export type Speaker = "caller" | "agent" | "system"

export type ToolRecord = {
  /** The model's id of the call. */
  callId: string
  name: string
  /** JSON text as the model gave it. */
  arguments: string
  /** Null while the tool runs. */
  output: string | null
  ok: boolean | null
  tookMs: number | null
  /** The agent's turn in which it was called, and how many characters of that turn came before it. */
  replyTurnId: string
  offset: number
}

/** All in milliseconds, counted from the end of what the caller said. */
export type Latency = { firstTokenMs?: number; lastTokenMs?: number; toolMs?: number }

/** Once it was kept, its `seq`, `kind` and `speaker` never change. */
export type Turn = {
  /** Unique; a turn that changes is written again under the same id. */
  id: string
  callId: CallId
  /** Position in the conversation, rising from 0. */
  seq: number
  kind: TurnKind
  speaker: Speaker
  /** What was heard, not what was generated. */
  text: string
  /** Whether the caller cut it off. */
  interrupted: boolean
  /** Language as the recogniser reported it. */
  lang: string | null
  startedAt: number
  endedAt: number | null
  latency: Latency | null
  tool: ToolRecord | null
}
