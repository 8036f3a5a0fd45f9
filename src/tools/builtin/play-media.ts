/** Tool `play-media`: plays an audio file to the caller. */

import { z } from "zod"
import { defineTool } from "../define-tool.ts"
import { publicHttpUrl } from "../public-url.ts"

const Arguments = z.object({
  source: z.string().nullish(),
  /** 0 means as often as Twilio allows, 1,000 times at most. (Twilio: "WebSocket messages for ConversationRelay".) */
  loop: z.number().int().min(0).max(1000).nullish(),
  preemptible: z.boolean().nullish(),
  interruptible: z.boolean().nullish(),
})

export const playMediaTool = defineTool({
  name: "play-media",
  parameters: Arguments,
  run({ source, loop, preemptible, interruptible }) {
    if (!source) {
      return { ok: false, code: "INVALID_ARGUMENTS", message: "Source URL is required to play media" }
    }
    const url = publicHttpUrl(source)
    if (!url.ok) return { ok: false, code: "INVALID_ARGUMENTS", message: url.message }
    return {
      ok: true,
      value: { message: "Media playback started successfully", source },
      action: {
        type: "play-media",
        source,
        loop: loop ?? undefined,
        preemptible: preemptible ?? undefined,
        interruptible: interruptible ?? undefined,
      },
    }
  },
})
