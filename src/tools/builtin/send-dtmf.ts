/** Tool `send-dtmf`: sends DTMF digits to the other party. */

import { z } from "zod"
import { defineTool } from "../define-tool.ts"

/** Twilio's `sendDigits` accepts `0`–`9`, `*`, `#` and `w`, half a second of pause. */
const Digits = z
  .union([z.string(), z.number().int().nonnegative().transform(String)])
  .transform((text) => text.replace(/[\s,-]/g, ""))
  .pipe(z.string().regex(/^[0-9w*#]{1,64}$/, "must be 1 to 64 of the keys 0-9, *, # and w for a pause"))

const Arguments = z
  .object({ dtmfDigit: Digits.optional(), digits: Digits.optional() })
  .refine((args) => args.dtmfDigit ?? args.digits, { path: ["dtmfDigit"], message: "is missing" })

export const sendDtmfTool = defineTool({
  name: "send-dtmf",
  parameters: Arguments,
  run(args) {
    const digits = args.dtmfDigit ?? args.digits ?? ""
    return {
      ok: true,
      value: { message: "DTMF digits sent successfully", digits },
      action: { type: "send-digits", digits },
    }
  },
})
