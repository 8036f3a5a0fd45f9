/** What becomes of a text message after Twilio has accepted it. */

import type { CallId } from "../call/ids.ts"
import type { MessageStatusWebhook } from "../twilio/webhooks.ts"
import { publish, type ControlContext } from "./context.ts"

/** (Twilio: "Error and Warning Dictionary".) */
const CAUSES: Readonly<Record<string, readonly [cause: string, fix: string]>> = {
  "21610": ["the recipient has opted out", "the recipient must send START to the number"],
  "30003": ["the phone cannot be reached", "it may be off; send again later"],
  "30004": ["the recipient or the carrier blocks the message", "the recipient may have blocked the number"],
  "30005": ["the number does not exist", "check the number"],
  "30006": ["the number is a landline or cannot receive messages", "use a mobile number"],
  "30007": ["the carrier filtered the message as spam", "change the text, and register the sender"],
  "30008": ["the carrier gave no reason", "send again later"],
  "30034": [
    "the number is not registered for A2P 10DLC",
    "register brand and campaign in the Twilio Console",
  ],
  "30036": ["the message waited too long", "send fewer messages at once"],
}

/** Twilio gives a message up after ten hours; a report that comes this long after the call is a replay, in milliseconds. */
const REPORTED_WITHIN_MS = 24 * 60 * 60_000

/** Logs and records a message that did not arrive; everything else is no news. */
export async function takeMessageStatus(
  context: ControlContext,
  { webhook, callId }: { webhook: MessageStatusWebhook; callId: CallId | undefined },
): Promise<void> {
  const { store, sweep, log } = context
  const { messageSid, status, errorCode } = webhook
  if (status !== "failed" && status !== "undelivered") return
  const [cause, fix] = CAUSES[errorCode ?? ""] ?? [
    "Twilio gives the cause by its code",
    "look up the code at Twilio",
  ]
  const call = callId && (await store.calls.byId(callId))
  if (call && call.endedAt !== null && sweep.clock.now() - call.endedAt > REPORTED_WITHIN_MS) return
  log.warn("a text message did not arrive", { callSid: call?.sid, messageSid, status, errorCode, cause, fix })
  if (call) publish(context, call, { type: "sms.failed", messageSid, errorCode, cause })
}
