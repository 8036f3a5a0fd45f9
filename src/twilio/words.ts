/** Twilio's words for the status and the direction of a call, as ours. */

import type { Direction } from "../call/call.ts"
import { CallStatus } from "../call/status.ts"

/**
 * A status as any part of Twilio writes it: `in-progress` in webhooks and REST, `IN_PROGRESS` on the relay's socket.
 * Undefined for a word that is no status.
 */
export function callStatusOf(word: unknown): CallStatus | undefined {
  if (typeof word !== "string") return undefined
  return CallStatus.safeParse(word.toLowerCase().replaceAll("_", "-")).data
}

/** `outbound-api` and `outbound-dial` are outbound, everything else is inbound. (Twilio: "Call resource".) */
export function directionOf(word: unknown): Direction {
  return typeof word === "string" && word.toLowerCase().startsWith("outbound") ? "outbound" : "inbound"
}
