/** Tool `switch-language`: changes what the agent speaks, what it understands, or both. */

import { z } from "zod"
import { defineTool } from "../define-tool.ts"

/** A language tag such as `en-US`, or `multi`. */
const Tag = z
  .string()
  .trim()
  .regex(/^([a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*|multi)$/, "must be a language tag such as en-US")

const Arguments = z.object({
  ttsLanguage: Tag.nullish(),
  transcriptionLanguage: Tag.nullish(),
})

export const switchLanguageTool = defineTool({
  name: "switch-language",
  parameters: Arguments,
  run(args) {
    const ttsLanguage = args.ttsLanguage ?? undefined
    const transcriptionLanguage = args.transcriptionLanguage ?? undefined
    if (!ttsLanguage && !transcriptionLanguage) {
      return {
        ok: false,
        code: "INVALID_ARGUMENTS",
        message: "At least one language parameter (ttsLanguage or transcriptionLanguage) must be provided",
      }
    }
    return {
      ok: true,
      value: { message: "Language switched successfully", ttsLanguage, transcriptionLanguage },
      action: { type: "switch-language", ttsLanguage, transcriptionLanguage },
    }
  },
})
