/** Tool `set-listen-mode`: mutes the agent, which continues to listen and work, or unmutes it. */

import { z } from "zod"
import { defineTool } from "../define-tool.ts"

export const setListenModeTool = defineTool({
  name: "set-listen-mode",
  parameters: z.object({ enabled: z.boolean() }),
  run({ enabled }) {
    return {
      ok: true,
      value: { message: `Listen mode ${enabled ? "enabled" : "disabled"}`, enabled },
      action: { type: "set-listen-mode", enabled },
    }
  },
})
