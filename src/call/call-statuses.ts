/** The statuses of a call, in Twilio's words. Plain data, so that the client package carries no library. */

/** Source: Twilio "Call resource: StatusCallback". `initiated` exists only in callbacks. */
export const CALL_STATUSES = [
  "queued",
  "initiated",
  "ringing",
  "in-progress",
  "completed",
  "busy",
  "no-answer",
  "failed",
  "canceled",
] as const
export type CallStatusName = (typeof CALL_STATUSES)[number]
