/** Tool `set-silence-detection`: switches reminders to a silent caller on or off, for example while they look for a document. */

import { z } from "zod"
import { defineTool } from "../define-tool.ts"

export const setSilenceDetectionTool = defineTool({
  name: "set-silence-detection",
  parameters: z.object({ enabled: z.boolean() }),
  run({ enabled }) {
    return {
      ok: true,
      value: { message: `Silence detection ${enabled ? "enabled" : "disabled"}`, enabled },
      action: { type: "set-silence-detection", enabled },
    }
  },
})
