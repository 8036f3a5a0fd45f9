/** The options of a simulated call, and what it uses of its account. */

import type { Sweep } from "../lib/sweep.ts"
import type { MediaTicker } from "./media/media-ticker.ts"
import type { StatusCallback } from "./status-callbacks.ts"
import type { Pace } from "./twiml-player.ts"
import type { Webhooks } from "./webhook-sender.ts"

export type CallOptions = {
  /** The caller's number, or the one of the server for an outgoing call. */
  from: string
  to: string
  direction: "inbound" | "outbound"
  /** A path of the server or an absolute address; default `/twilio/voice`. */
  voiceUrl?: string
  method?: "GET" | "POST"
  /** Instructions given with an outgoing call, in place of `voiceUrl`. */
  twiml?: string
  /** Fields added to every webhook, or replacing the usual ones. */
  parameters?: Record<string, string>
  statusCallback?: StatusCallback
  /** Outcome of an outgoing call; `ring` leaves it ringing until `answer()` or its end. Default: it is answered. */
  outcome?: "answer" | "ring" | "busy" | "no-answer" | "failed"
  /** The result of `<Dial>` and `<Enqueue>`, as `DialCallStatus`. Default `completed`. */
  dialStatus?: string
  /** Where a stereo WAV of its media streams is written: the caller left, the agent right. */
  recordTo?: string
  /** Longest length of the call in seconds. */
  timeLimitSeconds?: number
  /** An outgoing call is dialled when this resolves; by default at once. */
  startWhen?: Promise<void>
}

/** What a call uses of the account it belongs to. */
export type CallLink = {
  accountSid: string
  webhooks: Webhooks
  sweep: Sweep
  pace: Pace
  /** Moves the media streams. */
  ticker: MediaTicker
  /** Speed of media streams relative to real time. */
  mediaSpeed: number
  /** How many frames, utterances and requests are kept. */
  keep: number
}
