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
        end: { reason: "agent-ended", detail: "Ending the call", summary: text },
      },
    }
  },
})
