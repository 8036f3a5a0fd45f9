/** Tool `send-sms`: sends a text message to the caller; to other numbers only where the configuration allows it. */

import { z } from "zod"
import { messageOf } from "../../lib/errors.ts"
import { defineTool } from "../define-tool.ts"

/** Twilio accepts 1,600 characters at most. (Twilio: "Messages resource".) */
const MAX_BODY = 1600

const Arguments = z.object({
  /** Left out: the caller's own number. */
  to: z.string().nullish(),
  message: z.string().min(1).max(MAX_BODY),
})

export const sendSmsTool = defineTool({
  name: "send-sms",
  parameters: Arguments,
  async run({ to, message }, { peer, sms }) {
    if (!sms) return refusal("NOT_CONFIGURED", "this server has no Twilio account")
    try {
      const result = await sms.send(to ?? peer, message)
      if (result.outcome === "refused") return refusal("NOT_ALLOWED", result.reason)
      const { to: recipient, sid, status } = result
      return { ok: true, value: { message: "SMS sent successfully", recipient, sid, status } }
    } catch (error) {
      return refusal("SEND_FAILED", messageOf(error))
    }
  },
})

function refusal(code: string, reason: string) {
  return { ok: false as const, code, message: `SMS send failed: ${reason}` }
}
