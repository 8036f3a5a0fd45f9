/** Messages that callers left. They are deleted with their calls. */

import type { CallId } from "../call/ids.ts"
import type { VoiceMessage } from "../call/voice-message.ts"

/** What is reported of a recording; fields that a report does not have stay as they are. */
export type VoiceMessageReport = Pick<VoiceMessage, "recordingSid" | "callId" | "menu" | "step"> &
  Partial<Pick<VoiceMessage, "status" | "url" | "durationSeconds" | "transcription">> & {
    /** Milliseconds since the epoch. */
    at: number
  }

export interface VoiceMessages {
  /**
   * Stores what is reported of a recording; reports come late, twice and in any order. A recording whose status is final
   * keeps it. Resolves to whether the message was not known before.
   */
  report(report: VoiceMessageReport): Promise<boolean>

  /** The messages of a call, oldest first. */
  of(callId: CallId): Promise<VoiceMessage[]>
}
