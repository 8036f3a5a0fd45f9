/** The status machine of a call, in Twilio's words. Pure. */

import { z } from "zod"
import { CALL_STATUSES } from "./call-statuses.ts"

export const CallStatus = z.enum(CALL_STATUSES)
export type CallStatus = z.infer<typeof CallStatus>

const ORDER: Record<CallStatus, number> = {
  queued: 0,
  initiated: 1,
  ringing: 2,
  "in-progress": 3,
  completed: 4,
  busy: 4,
  "no-answer": 4,
  failed: 4,
  canceled: 4,
}

/** Whether the call is over in this status. */
export function isTerminal(status: CallStatus): boolean {
  return ORDER[status] === 4
}

/** The status after a report. Reports arrive late and twice: what is stale changes nothing, and the end is final. */
export function advance(current: CallStatus, incoming: CallStatus): CallStatus {
  return ORDER[incoming] > ORDER[current] ? incoming : current
}
