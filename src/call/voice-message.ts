/** A message that a caller left after a beep. */

import type { CallId } from "./ids.ts"

/** Twilio's words: `completed` once the file can be fetched, `absent` for a recording without audio. */
export type VoiceMessageStatus = "in-progress" | "completed" | "absent" | "failed"

export type VoiceMessage = {
  /** Twilio's SID of the recording, `RE…`. */
  recordingSid: string
  callId: CallId
  /** The menu and the step in which it was left. */
  menu: string
  step: string
  status: VoiceMessageStatus
  /** Without an ending; `.mp3` or `.wav` chooses the format. Needs the credentials of the account. */
  url: string
  /** Whole seconds; null until Twilio has reported it. */
  durationSeconds: number | null
  /** What was said, where the menu asked for it and Twilio has reported it. */
  transcription: string | null
  /** Milliseconds since the epoch. */
  createdAt: number
}
