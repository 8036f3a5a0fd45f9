/** Encodes a conversation as the frames that create it on a new connection. Pure. Source: OpenAI "Realtime conversations". */

import type { ChatItem } from "../../llm/chat-model.ts"
import { encodeItemCreate } from "./client-events.ts"

/** Most items that a new connection gets; the latest ones. */
const MAX_ITEMS = 200

/** Messages as they were heard and said, and each tool call with its result. */
export function historyFrames(items: readonly ChatItem[]): string[] {
  const latest = items.slice(-MAX_ITEMS)
  // The server refuses a result without its call.
  const first = latest.findIndex(({ type }) => type !== "tool-result")
  return latest.slice(Math.max(0, first)).flatMap((item) => {
    switch (item.type) {
      case "message":
        return item.text.trim() === "" ? [] : [encodeItemCreate({ ...item, text: item.text.trim() })]
      case "tool-call":
        return [encodeItemCreate({ ...item, type: "function-call" })]
      case "tool-result":
        return [encodeItemCreate({ ...item, type: "function-call-output" })]
      case "opaque":
        return []
      default:
        return item satisfies never
    }
  })
}
