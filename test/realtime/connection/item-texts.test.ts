import { describe, expect, test } from "bun:test"
import { ItemTexts } from "../../../src/realtime/connection/item-texts.ts"
import type { RealtimeItem } from "../../../src/realtime/protocol/objects.ts"
import type { RealtimeEvent } from "../../../src/realtime/protocol/server-events.ts"

function itemsAfter(...events: RealtimeEvent[]) {
  const items = new ItemTexts()
  for (const event of events) items.apply(event)
  return items
}

const agent = (id: string, text = ""): RealtimeItem => ({ type: "message", id, role: "assistant", text })
const added = (item: RealtimeItem): RealtimeEvent => ({ type: "item-added", item })
const done = (item: RealtimeItem): RealtimeEvent => ({ type: "item-done", item })
const outputDone = (item: RealtimeItem): RealtimeEvent => ({
  type: "output-item-done",
  responseId: "resp_1",
  item,
})
const says = (
  itemId: string,
  delta: string,
  type: "transcript-delta" | "text-delta" = "transcript-delta",
): RealtimeEvent => ({ type, responseId: "resp_1", itemId, contentIndex: 0, delta })

describe("the text of an item", () => {
  test.each<[string, RealtimeEvent[], string]>([
    [
      "grows with its transcript",
      [added(agent("a")), says("a", "Nine "), says("a", "o'clock.")],
      "Nine o'clock.",
    ],
    ["grows with its text", [added(agent("a")), says("a", "Nine.", "text-delta")], "Nine."],
    ["is there from the start in a history", [added(agent("a", "Hello!"))], "Hello!"],
    [
      "is replaced by the whole text",
      [added(agent("a")), says("a", "Ni"), done(agent("a", "Nine."))],
      "Nine.",
    ],
    [
      "is replaced by the whole text of the response's output",
      [added(agent("a")), says("a", "Ni"), outputDone(agent("a", "Nine."))],
      "Nine.",
    ],
    [
      "stays when the whole text is empty",
      [added(agent("a")), says("a", "Nine."), done(agent("a"))],
      "Nine.",
    ],
    [
      "takes no words after its end",
      [added(agent("a")), done(agent("a", "Nine.")), says("a", "Ten.")],
      "Nine.",
    ],
    ["changes with its first end only", [done(agent("a", "Nine.")), done(agent("a", "Ten."))], "Nine."],
    [
      "is unaffected by events that come twice",
      [added(agent("a")), says("a", "One."), added(agent("a"))],
      "One.",
    ],
    [
      "is empty for an item of the caller",
      [added({ ...agent("a", "Hi"), role: "user" } as RealtimeItem)],
      "",
    ],
    ["is empty for a call", [added({ type: "other", id: "a" }), says("a", "noise")], ""],
    ["is empty for an unknown item", [says("a", "noise"), outputDone(agent("a", "noise"))], ""],
    ["is empty for a deleted item", [done(agent("a", "Nine.")), { type: "item-deleted", itemId: "a" }], ""],
  ])("%s", (_, events, text) => expect(itemsAfter(...events).textOf("a")).toBe(text))
})

test("the ids are those of all items in the conversation", () => {
  const items = itemsAfter(
    added(agent("agent_1")),
    done({ type: "message", id: "user_1", role: "user", text: "" }),
    done({ type: "other", id: "call_1" }),
    done(agent("agent_1", "Hello!")),
    outputDone(agent("not_in_the_conversation", "Hello!")),
    { type: "committed", itemId: "user_2" },
    { type: "item-deleted", itemId: "user_1" },
  )
  expect([...items.ids()]).toEqual(["agent_1", "call_1"])
})

test("a conversation without end stays bounded", () => {
  const items = new ItemTexts()
  for (let n = 0; n < 2_100; n++) items.apply(added(agent(`item_${n}`)))
  const ids = [...items.ids()]
  expect({ count: ids.length, first: ids[0] }).toEqual({ count: 2_000, first: "item_100" })
})
