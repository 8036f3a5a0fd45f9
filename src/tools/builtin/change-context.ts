/** Tool `change-context`: replaces the context of the conversation, with a summary of what was said. */

import { z } from "zod"
import { defineTool } from "../define-tool.ts"

const Key = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "must be letters, digits, _ and -")

const Arguments = z.object({
  newContext: Key,
  newManifest: Key.nullish(),
  handoffSummary: z.string().max(8000).nullish(),
})

export const changeContextTool = defineTool({
  name: "change-context",
  parameters: Arguments,
  run({ newContext, newManifest, handoffSummary }, { changeRefusal }) {
    const refusal = changeRefusal({ contextKey: newContext, manifestKey: newManifest ?? undefined })
    if (refusal !== undefined) return { ok: false, code: "UNKNOWN_CONTEXT", message: refusal }
    return {
      ok: true,
      value: { message: "Context changed successfully", newContext },
      action: {
        type: "change-context",
        contextKey: newContext,
        manifestKey: newManifest ?? undefined,
        summary: handoffSummary ?? undefined,
      },
    }
  },
})
