/** Where a call can be handed to: a person's phone, a SIP address, a queue, or a workflow. */

import { z } from "zod"
import { isE164 } from "../lib/e164.ts"
import { isWithheld } from "../lib/withheld.ts"

/**
 * Written as text: `+15550100001`, `+15550100001;ext=12`, `sip:desk@pbx.example.com`, `queue:support`, `workflow:WW…`
 * (TaskRouter and Flex). (Twilio: "TwiML Voice: Dial", "TwiML Voice: Enqueue".)
 */
export const TransferTarget = z
  .string()
  .trim()
  .transform((text, context): TransferTarget => {
    const [, number = "", extension] = /^(\+\d+)(?:;ext=(\d{1,20}))?$/.exec(text) ?? []
    if (isE164(number) && !isWithheld(number)) {
      return { kind: "number", to: number, ...(extension === undefined ? {} : { extension }) }
    }
    if (/^sips?:[^\s@<>"]{1,200}@[^\s<>"]{1,200}$/.test(text)) return { kind: "sip", to: text }
    const queue = /^queue:([\w .-]{1,64})$/.exec(text)?.[1]
    if (queue !== undefined) return { kind: "queue", to: queue }
    const workflow = /^workflow:(WW[0-9a-f]{32})$/.exec(text)?.[1]
    if (workflow !== undefined) return { kind: "workflow", to: workflow }
    context.addIssue({
      code: "custom",
      message:
        "must be a number such as +15550100001, sip:name@host, queue:name, or workflow:WW… (a workflow SID)",
    })
    return z.NEVER
  })
export type TransferTarget = {
  kind: "number" | "sip" | "queue" | "workflow"
  to: string
  /** Of a number: digits to send once the person has answered. */
  extension?: string
}
