/**
 * What both sides said on one Realtime connection, in the order of the conversation and not of arrival. Pure.
 * Source: OpenAI "Realtime transcription", "Realtime conversations" (interruption and truncation).
 */

import { encodeItemCreate } from "../protocol/client-events.ts"
import { heardText } from "../../media/heard-text.ts"
import type { RealtimeEvent } from "../protocol/server-events.ts"
import type { RealtimeItem } from "../protocol/objects.ts"

export type ConversationItem =
  /** `speaking` and `pending` have no final text yet; `failed` never will. */
  | { kind: "caller"; id: string; text: string; state: "speaking" | "pending" | "final" | "failed" }
  | {
      kind: "agent"
      id: string
      responseId: string | null
      /** Everything the model has said, heard or not. */
      generated: string
      /** What was heard of it; null while nothing was cut off. */
      heard: string | null
      isDone: boolean
    }
  | {
      kind: "tool-call"
      id: string
      callId: string
      name: string
      arguments: string
      /** False while the model still writes it, and for ever when it was cut off: then it must not be run. */
      isComplete: boolean
      output: string | null
    }
  /** Text put into the conversation from outside. */
  | { kind: "note"; id: string; role: "user" | "system"; text: string }
  /** Holds a place in the order. */
  | { kind: "other"; id: string }

/** Items kept; the oldest give way. A conversation of an hour has some hundreds. */
const MAX_ITEMS = 2_000
/** Told to a model in place of an output that never came. */
const LOST_OUTPUT = JSON.stringify({
  success: false,
  code: "LOST",
  message: "The result of this call was lost.",
})

export class ConversationItems {
  /** In the order of the conversation. */
  readonly #items: ConversationItem[] = []
  readonly #byId = new Map<string, ConversationItem>()
  /** Items that came before the one they follow, by that one. */
  readonly #early = new Map<string, string[]>()
  /** The one that each item said it follows. */
  readonly #previousOf = new Map<string, string>()

  /** All items in their order. */
  all(): readonly ConversationItem[] {
    return this.#items
  }

  get(itemId: string): ConversationItem | undefined {
    return this.#byId.get(itemId)
  }

  /** Takes an event of the server. Returns the item whose place or words it changed. */
  apply(event: RealtimeEvent): ConversationItem | undefined {
    const { type } = event
    if (type === "speech-started") {
      return this.#byId.get(event.itemId) ?? this.#add(newCaller(event.itemId, "speaking"), undefined)
    }
    if (type === "committed") {
      const item = this.#byId.get(event.itemId) ?? newCaller(event.itemId, "pending")
      if (item.kind === "caller" && item.state === "speaking") item.state = "pending"
      return this.#add(item, event.previousItemId)
    }
    if (type === "caller-transcript-delta") {
      return this.#hear(event.itemId, (item) => {
        if (item.state === "pending" || item.state === "speaking") item.text += event.delta
      })
    }
    if (type === "caller-transcript") {
      return this.#hear(event.itemId, (item) => {
        item.text = event.text.trim()
        item.state = "final"
      })
    }
    if (type === "caller-transcript-failed") {
      return this.#hear(event.itemId, (item) => {
        if (item.state !== "final") item.state = "failed"
      })
    }
    if (type === "item-added" || type === "item-done") {
      return this.#place(event.item, event.previousItemId, type === "item-done")
    }
    if (type === "output-item-added" || type === "output-item-done") {
      return this.#output(event.item, event.responseId, type === "output-item-done")
    }
    if (type === "transcript-delta" || type === "text-delta") {
      const item = this.#byId.get(event.itemId)
      // One that never entered the conversation belongs to a response beside the dialogue.
      if (item?.kind !== "agent") return undefined
      item.responseId ??= event.responseId
      if (!item.isDone) item.generated += event.delta
      return item
    }
    if (type === "item-deleted") this.#remove(event.itemId)
    return undefined
  }

  /**
   * The caller cut the agent off: `heardMs` of the item's `sentMs` were played. What of its words that was is
   * estimated, since the server tells no text with the cut. Repeated cuts only shorten.
   */
  cut(
    itemId: string,
    { heardMs, sentMs }: { heardMs: number; sentMs: number },
  ): ConversationItem | undefined {
    const item = this.#byId.get(itemId)
    if (item?.kind !== "agent") return undefined
    const share = sentMs <= 0 ? 0 : heardMs / sentMs
    const heard = heardText(item.generated, share)
    if (item.heard === null || heard.length < item.heard.length) item.heard = heard
    item.isDone = true
    return item
  }

  /** The output of a tool call, as it is sent. A call has one output; later ones are ignored. */
  toolOutput(callId: string, output: string): void {
    const call = this.#items.findLast((item) => item.kind === "tool-call" && item.callId === callId)
    if (call?.kind === "tool-call") call.output ??= output
  }

  /**
   * The conversation as frames that create it again on another connection: the caller's words, the agent's as far as
   * they were heard, every tool call with its output. At most the `limit` latest items, under the ids they have here.
   */
  history(limit = 200): string[] {
    return this.#items.slice(-limit).flatMap((item) => {
      switch (item.kind) {
        case "caller":
          return message(item.id, "user", item.text)
        case "agent":
          return message(item.id, "assistant", item.heard ?? item.generated)
        case "note":
          return message(item.id, item.role, item.text)
        case "tool-call": {
          const { id, callId, name, isComplete, output } = item
          if (!isComplete) return []
          return [
            encodeItemCreate({ type: "function-call", id, callId, name, arguments: item.arguments }),
            encodeItemCreate({ type: "function-call-output", callId, output: output ?? LOST_OUTPUT }),
          ]
        }
        case "other":
          return []
        default:
          return item satisfies never
      }
    })
  }

  #hear(itemId: string, change: (item: Extract<ConversationItem, { kind: "caller" }>) => void) {
    const item = this.#byId.get(itemId) ?? this.#add(newCaller(itemId, "pending"), undefined)
    if (item.kind !== "caller") return undefined
    change(item)
    return item
  }

  #place(
    item: RealtimeItem,
    previousId: string | null | undefined,
    isDone: boolean,
  ): ConversationItem | undefined {
    const known = this.#byId.get(item.id)
    if (item.type === "function-call-output") this.toolOutput(item.callId, item.output)
    const entered = known ?? newItem(item)
    if (!known || !isDone) this.#add(entered, previousId)
    settle(entered, item, isDone)
    return entered.kind === "other" ? undefined : entered
  }

  #output(item: RealtimeItem, responseId: string, isDone: boolean): ConversationItem | undefined {
    const known = this.#byId.get(item.id)
    if (!known) return undefined
    if (known.kind === "agent") known.responseId ??= responseId
    settle(known, item, isDone)
    return known
  }

  /**
   * Puts an item after `previousId`: null is the beginning, undefined not known yet, which is the end. One that
   * follows an item which is not there yet moves as soon as that one comes.
   */
  #add(item: ConversationItem, previousId: string | null | undefined): ConversationItem {
    const at = this.#items.lastIndexOf(item)
    if (at >= 0) {
      // Most come with the place that they have already. On another connection the first of a history has no previous.
      if (!previousId || previousId === item.id || this.#items[at - 1]?.id === previousId) return item
      this.#items.splice(at, 1)
    }
    this.#byId.set(item.id, item)
    if (previousId) this.#previousOf.set(item.id, previousId)
    const previous = previousId ? this.#indexOf(previousId) : -1
    if (previousId === null) this.#items.unshift(item)
    else if (previous >= 0) this.#items.splice(previous + 1, 0, item)
    else {
      this.#items.push(item)
      if (previousId !== undefined) this.#wait(item.id, previousId)
    }
    this.#callEarly(item.id)
    if (this.#items.length > MAX_ITEMS) this.#remove(this.#items[0]?.id ?? "")
    return item
  }

  #wait(itemId: string, previousId: string): void {
    if (this.#early.size >= MAX_ITEMS) this.#early.clear()
    this.#early.set(previousId, [...(this.#early.get(previousId) ?? []), itemId])
  }

  /** Moves what waited for this item behind it, each with the row of items that follows it. */
  #callEarly(previousId: string): void {
    for (const itemId of this.#early.get(previousId) ?? []) {
      const from = this.#indexOf(itemId)
      if (from < 0) continue
      let end = from + 1
      while (this.#previousOf.get(this.#items[end]?.id ?? "") === this.#items[end - 1]?.id) end++
      const row = this.#items.slice(from, end)
      // Two items that each follow the other stay where they are.
      if (row.some(({ id }) => id === previousId)) continue
      this.#items.splice(from, row.length)
      this.#items.splice(this.#indexOf(previousId) + 1, 0, ...row)
    }
    this.#early.delete(previousId)
  }

  #indexOf(itemId: string): number {
    return this.#items.findLastIndex(({ id }) => id === itemId)
  }

  #remove(itemId: string): ConversationItem | undefined {
    const item = this.#byId.get(itemId)
    if (!item) return undefined
    this.#byId.delete(itemId)
    this.#previousOf.delete(itemId)
    this.#items.splice(this.#items.indexOf(item), 1)
    return undefined
  }
}

function newCaller(id: string, state: "speaking" | "pending"): ConversationItem & { kind: "caller" } {
  return { kind: "caller", id, text: "", state }
}

function newItem(item: RealtimeItem): ConversationItem {
  const { id } = item
  if (item.type === "function-call") {
    return {
      kind: "tool-call",
      id,
      callId: item.callId,
      name: item.name,
      arguments: item.arguments,
      isComplete: false,
      output: null,
    }
  }
  if (item.type !== "message") return { kind: "other", id }
  if (item.role === "assistant") {
    return { kind: "agent", id, responseId: null, generated: item.text, heard: null, isDone: false }
  }
  // Words of the caller come with their transcription; text that is there at once was put in from outside.
  if (item.role === "user" && item.text === "") return newCaller(id, "pending")
  return { kind: "note", id, role: item.role, text: item.text }
}

/** What an item says when it is complete: the whole text of the agent, the whole arguments of a call. */
function settle(known: ConversationItem, item: RealtimeItem, isDone: boolean): void {
  if (known.kind === "tool-call" && item.type === "function-call") {
    known.name = item.name || known.name
    known.arguments = item.arguments || known.arguments
    if (isDone) known.isComplete ||= item.status === "completed"
  }
  if (known.kind !== "agent" || item.type !== "message" || !isDone || known.isDone) return
  if (item.text !== "") known.generated = item.text
  known.isDone = true
}

function message(id: string, role: "user" | "assistant" | "system", text: string): string[] {
  return text.trim() === "" ? [] : [encodeItemCreate({ type: "message", id, role, text: text.trim() })]
}
