/** Limits the text messages of a call: their recipients, which the model must not choose freely, and their number. */

import type { Call } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import type { Store } from "../store/store.ts"
import type { SmsSender } from "../tools/define-tool.ts"
import { isWithheld } from "../lib/withheld.ts"
import { isE164 } from "../lib/e164.ts"
import type { ControlContext } from "./context.ts"

/** How many messages the call has sent before this session. */
export async function smsSentIn(store: Pick<Store, "turns">, callId: CallId): Promise<number> {
  const turns = await store.turns.of(callId)
  return turns.filter(({ tool }) => tool?.name === "send-sms" && tool.ok === true).length
}

/** The sender for one call; undefined without a Twilio account. `sent`: how many were sent before. */
export function smsSenderFor(
  { twilio, config, log }: ControlContext,
  call: Pick<Call, "sid" | "direction" | "from" | "to">,
  sent = 0,
): SmsSender | undefined {
  if (!twilio) return undefined
  const { allowedDestinations, perCall } = config.sms
  const [peer, own] = call.direction === "inbound" ? [call.from, call.to] : [call.to, call.from]
  return {
    refuses(recipient) {
      const allowed = recipient === peer || allowedDestinations.some((prefix) => recipient.startsWith(prefix))
      if (!isE164(recipient)) return "the recipient is not a phone number in E.164 form"
      if (isWithheld(recipient)) return "the caller withholds the number"
      if (!allowed) return "messages may go to the caller only"
      if (sent >= perCall) return `at most ${perCall} messages may be sent in one call`
      return undefined
    },
    async send(recipient, message) {
      // Counted before the request, so that parallel requests cannot exceed the limit.
      sent += 1
      const { sid, status } = await twilio.sendMessage({
        to: recipient,
        from: config.twilio.fromNumber ?? own,
        body: message,
      })
      log.info("message sent", { callSid: call.sid, messageSid: sid, pii: { to: recipient } })
      return { sid, status }
    },
  }
}
