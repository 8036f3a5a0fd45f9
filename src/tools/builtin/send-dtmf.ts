/** Tool `send-dtmf`: sends DTMF digits to the other party. */

import { z } from "zod"
import { KeypadKeys } from "../../call/keypad.ts"
import { defineTool } from "../define-tool.ts"

const Digits = z
  .union([z.string(), z.number().int().nonnegative().transform(String)])
  .transform((text) => text.replace(/[\s,-]/g, ""))
  .pipe(KeypadKeys)

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
