/** Has the customer API send the link for consent, within limits: whoever calls from a false number, or enters one, causes a message. */

import type { Call } from "../call/call.ts"
import type { CallerId } from "../call/caller.ts"
import type { CustomerApi } from "../customer-api/customer-api.ts"
import { ownNumberOf, type ControlContext } from "./context.ts"
import { textRefusal } from "./may-dial.ts"
import { countConsentLink } from "./quotas.ts"

export type ConsentLink = { call: Call; id: CallerId; token: string; customerApi: CustomerApi }

/** `was-sent`: as many as allowed went to this number today. `refused`: none may go there, or none now. */
export type LinkOutcome = "sent" | "was-sent" | "refused"

/** Rejects where the customer API fails. */
export async function sendConsentLink(context: ControlContext, link: ConsentLink): Promise<LinkOutcome> {
  const { call, token, customerApi } = link
  const { number } = link.id
  const refusal = await textRefusal(context, { to: number, peer: number, own: ownNumberOf(call) })
  if (refusal !== undefined) return refused(context, call, { reason: refusal, outcome: "refused" })
  const limit = await countConsentLink(context, number)
  switch (limit) {
    case undefined:
      await customerApi.sendMessage({ number, token, callSid: call.sid })
      return "sent"
    case "subject":
      return refused(context, call, { reason: "CONSENT_LINKS_PER_NUMBER_PER_DAY", outcome: "was-sent" })
    case "all":
      return refused(context, call, { reason: "CONSENT_LINKS_PER_HOUR", outcome: "refused" })
    default:
      return limit satisfies never
  }
}

type Refused = { reason: string; outcome: "was-sent" | "refused" }

function refused({ log }: ControlContext, call: Call, { reason, outcome }: Refused): LinkOutcome {
  log.warn("no link for consent was sent", { callSid: call.sid, reason })
  return outcome
}
