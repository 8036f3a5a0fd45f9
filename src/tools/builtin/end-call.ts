/** Tool `end-call`: ends the call after the farewell was heard. */

import { z } from "zod"
import { defineTool } from "../define-tool.ts"

/** `summary` is the older name of `conversationSummary`. */
const Arguments = z.object({
  conversationSummary: z.string().optional(),
  summary: z.string().optional(),
})

export const endCallTool = defineTool({
  name: "end-call",
  parameters: Arguments,
  run({ conversationSummary, summary }) {
    const text = conversationSummary ?? summary ?? ""
    return {
      ok: true,
      value: { message: "Call ended successfully", summary: text },
      action: {
        type: "end-call",
        handoff: { reasonCode: "end-call", reason: "Ending the call", conversationSummary: text },
      },
    }
  },
})
