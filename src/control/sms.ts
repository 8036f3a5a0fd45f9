/** Limits the text messages of a call: their recipients, which the model must not choose freely, and their number. */

import type { Call } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import { phoneNumber } from "../call/phone-number.ts"
import type { Store } from "../store/store.ts"
import type { SmsSender } from "../tools/define-tool.ts"
import { isE164 } from "../lib/e164.ts"
import { isWithheld } from "../lib/withheld.ts"
import { webhookUrl } from "../twilio/webhook-url.ts"
import type { ControlContext } from "./context.ts"
import { textRefusal } from "./may-dial.ts"
import { countSms } from "./quotas.ts"

/** How many messages the call has sent before this session. */
export async function smsSentIn(store: Pick<Store, "turns">, callId: CallId): Promise<number> {
  const turns = await store.turns.of(callId)
  return turns.filter(({ tool }) => tool?.name === "send-sms" && tool.ok === true).length
}

/** The sender for one call; undefined without a Twilio account. `sent`: how many were sent before. */
export function smsSenderFor(
  context: ControlContext,
  call: Pick<Call, "sid" | "direction" | "from" | "to"> & Partial<Pick<Call, "id">>,
  sent = 0,
): SmsSender | undefined {
  const { twilio, config, log } = context
  if (!twilio) return undefined
  const { perCall } = config.sms
  const [peer, own] = call.direction === "inbound" ? [call.from, call.to] : [call.to, call.from]
  const from = config.twilio.fromNumber ?? own
  const query = call.id === undefined ? "" : `?call=${call.id}`
  const statusCallback = config.publicUrl && webhookUrl(config.publicUrl, `/twilio/sms${query}`)

  /** Why the message must not be sent now. What follows it is synchronous, so that parallel requests are counted. */
  async function refusalOf(to: string): Promise<string | undefined> {
    if (isWithheld(to) && to.startsWith("+")) return "the caller withholds the number"
    if (!isE164(to)) return "the recipient is not a phone number in E.164 form"
    return textRefusal(context, { to, peer, own })
  }

  return {
    async send(given, message) {
      const to = await normalized(given, config.defaultCountry)
      const refusal = await refusalOf(to)
      if (refusal !== undefined) return { outcome: "refused", reason: refusal }
      if (sent >= perCall)
        return { outcome: "refused", reason: `at most ${perCall} messages may be sent in one call` }
      // Counted before the request, so that parallel requests cannot exceed the limit.
      sent += 1
      const limit = await countSms(context, to)
      if (limit !== undefined) {
        log.warn("message refused by a limit", { callSid: call.sid, reason: limit })
        return { outcome: "refused", reason: limit }
      }
      const { sid, status } = await twilio.sendMessage({ to, from, body: message, statusCallback })
      log.info("message sent", { callSid: call.sid, messageSid: sid, pii: { to } })
      return { outcome: "sent", to, sid, status }
    },
  }
}

/** In E.164 form where it can be read; else as it was given, which is refused. */
async function normalized(given: string, defaultCountry: string | undefined): Promise<string> {
  return phoneNumber(given, { field: "to", defaultCountry }).catch(() => given.trim())
}
