/** What an observer of a call is sent: one JSON object in each text frame. */

import type { CallStatusName } from "./call-statuses.ts"

export type Track = "inbound" | "outbound"

/** A fact of the call that observers know under a name of its own; all others come as `fact`. */
export type ObservedFact =
  | {
      event: "transcription"
      text: string
      speaker: "caller" | "agent"
      turnId: string
      kind: "speech" | "keypad"
      interrupted: boolean
      /** When the turn was heard, ISO 8601. */
      endedAt?: string
    }
  | { event: "status"; status: CallStatusName; previous: CallStatusName }
  | {
      event: "tool"
      state: "started" | "finished"
      toolCallId: string
      name: string
      ok?: boolean
      tookMs?: number
    }
  /** The caller cut the agent off; `text` is what was heard of it. */
  | { event: "interruption"; turnId: string; text: string }
  | { event: "ended"; by: string; reason: string }
  | { event: "fact"; type: string; [field: string]: unknown }

/** `id` is the number of the event in the record of all calls: a stream resumes after it. */
export type ObservedEvent = ObservedFact & { id: number; at: string }

/** `seq` rises by one from frame to frame of one socket. */
export type ObserverMessage = { seq: number } & (
  | ObservedEvent
  /** The first message: the current state of the call. What follows comes after the event `id`. */
  | { event: "status"; status: CallStatusName; callSid: string | null; live: boolean; id: number }
  | { event: "audio"; payload: string; track: Track }
  | { event: "ping"; at: string }
)

/** Close codes of an observer's socket, beside 1000 (the call is over) and 1001 (the server stops). */
export const TOO_SLOW = 4408
export const TOO_MANY = 4429
