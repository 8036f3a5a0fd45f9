/** The items in the conversation of one Realtime connection, with the text of what the model has said in each. */

import type { RealtimeItem } from "../protocol/objects.ts"
import type { RealtimeEvent } from "../protocol/server-events.ts"

/** Items kept; the oldest ones are dropped. A conversation of an hour has some hundreds. */
const MAX_ITEMS = 2_000

type Message = { text: string; isDone: boolean }

export class ItemTexts {
  /** Null for items that are not messages of the model. */
  readonly #messages = new Map<string, Message | null>()

  /** Ids of the items in the conversation. */
  ids(): Iterable<string> {
    return this.#messages.keys()
  }

  /** Everything the model has generated in an item so far, heard or not; empty for other items. */
  readonly textOf = (itemId: string): string => this.#messages.get(itemId)?.text ?? ""

  /** Takes any event of the server. */
  apply(event: RealtimeEvent): void {
    if (event.type === "transcript-delta" || event.type === "text-delta") {
      const message = this.#messages.get(event.itemId)
      if (message && !message.isDone) message.text += event.delta
    } else if (event.type === "item-added" || event.type === "item-done") {
      if (!this.#messages.has(event.item.id)) this.#add(event.item)
      if (event.type === "item-done") this.#settle(event.item)
    } else if (event.type === "output-item-done") this.#settle(event.item)
    else if (event.type === "item-deleted") this.#messages.delete(event.itemId)
  }

  #add(item: RealtimeItem): void {
    const isAgents = item.type === "message" && item.role === "assistant"
    this.#messages.set(item.id, isAgents ? { text: item.text, isDone: false } : null)
    const [oldest] = this.#messages.keys()
    if (this.#messages.size > MAX_ITEMS && oldest !== undefined) this.#messages.delete(oldest)
  }

  /** The item is complete. The output of a response that never entered the conversation is ignored. */
  #settle(item: RealtimeItem): void {
    const message = this.#messages.get(item.id)
    if (item.type !== "message" || !message || message.isDone) return
    message.text = item.text || message.text
    message.isDone = true
  }
}
