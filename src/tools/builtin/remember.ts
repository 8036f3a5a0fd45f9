/** Tool `remember`: keeps something about the caller for later calls. */

import { z } from "zod"
import { CallerName, LanguageTag, MAX_NOTE_CHARS } from "../../call/caller.ts"
import { defineTool } from "../define-tool.ts"

const Arguments = z
  .object({
    note: z.string().trim().min(1).max(MAX_NOTE_CHARS).nullish(),
    name: CallerName.nullish(),
    language: LanguageTag.nullish(),
  })
  .refine(({ note, name, language }) => note ?? name ?? language, "must have a note, a name or a language")

export const rememberTool = defineTool({
  name: "remember",
  parameters: Arguments,
  async run({ note, name, language }, { remember }) {
    if (!remember) {
      const message = "Nothing can be remembered: the caller has no number."
      return { ok: false, code: "NOT_AVAILABLE", message }
    }
    await remember({ note: note ?? undefined, name: name ?? undefined, language: language ?? undefined })
    return { ok: true, value: { message: "Remembered for later calls" } }
  },
})
