/** Tool `live-agent-handoff`: transfers the caller to a person. */

import { z } from "zod"
import { defineTool } from "../define-tool.ts"

const Arguments = z.object({
  summary: z.string().optional(),
  /** Another name of `summary`. */
  conversationSummary: z.string().optional(),
})

export const liveAgentHandoffTool = defineTool({
  name: "live-agent-handoff",
  parameters: Arguments,
  run({ summary, conversationSummary }) {
    const text = summary ?? conversationSummary ?? ""
    return {
      ok: true,
      value: { message: "Live agent handoff initiated", summary: text },
      action: { type: "end-call", end: { reason: "transfer", summary: text } },
    }
  },
})
