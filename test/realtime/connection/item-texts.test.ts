import { describe, expect, test } from "bun:test"
import { ConversationItems } from "../../../src/realtime/connection/item-texts.ts"
import { heardText } from "../../../src/media/heard-text.ts"
import type { RealtimeEvent } from "../../../src/realtime/protocol/server-events.ts"
import { UsageCount } from "../../../src/realtime/usage-count.ts"
import { clientEventFaults, parseClientEvent } from "../../fakes/realtime-request-check.ts"

function conversation(...events: RealtimeEvent[]) {
  const items = new ConversationItems()
  for (const event of events) items.apply(event)
  return items
}

const committed = (itemId: string, previousItemId: string | null | undefined): RealtimeEvent => ({
  type: "committed",
  itemId,
  previousItemId,
})
const heard = (itemId: string, text: string): RealtimeEvent => ({
  type: "caller-transcript",
  itemId,
  text,
  languages: [],
  usage: null,
})
const agent = (id: string, previousItemId: string | null | undefined, text = ""): RealtimeEvent => ({
  type: "item-added",
  previousItemId,
  item: { type: "message", id, role: "assistant", status: "in_progress", text },
})
const says = (itemId: string, delta: string): RealtimeEvent => ({
  type: "transcript-delta",
  responseId: "resp_1",
  itemId,
  contentIndex: 0,
  delta,
})
const calls = (id: string, previousItemId: string, status: string, isDone = true): RealtimeEvent => ({
  type: isDone ? "item-done" : "item-added",
  previousItemId,
  item: { type: "function-call", id, callId: `call_${id}`, name: "look_up", arguments: "{}", status },
})
const ids = (items: ConversationItems) => items.all().map(({ id }) => id)

describe("order", () => {
  test("a transcript that comes after the answer keeps its place before it", () => {
    const items = conversation(
      committed("user_1", null),
      agent("agent_1", "user_1"),
      says("agent_1", "Nine "),
      says("agent_1", "o'clock."),
      heard("user_1", " What time is it? "),
    )
    expect(items.all()).toMatchObject([
      { kind: "caller", text: "What time is it?", state: "final" },
      { kind: "agent", generated: "Nine o'clock.", responseId: "resp_1" },
    ])
  })

  test("transcripts of two turns that come in the wrong order stand right", () => {
    const items = conversation(
      committed("user_1", null),
      committed("user_2", "user_1"),
      heard("user_2", "two"),
      heard("user_1", "one"),
    )
    expect(items.all()).toMatchObject([{ text: "one" }, { text: "two" }])
  })

  test("an item that comes before the one it follows moves behind it", () => {
    const items = conversation(agent("a", null), committed("c", "b"), committed("d", "c"), agent("b", "a"))
    expect(ids(items)).toEqual(["a", "b", "c", "d"])
  })

  test("a row of items that comes backwards is put right", () => {
    const items = conversation(
      committed("d", "c"),
      committed("c", "b"),
      committed("b", "a"),
      agent("a", null),
    )
    expect(ids(items)).toEqual(["a", "b", "c", "d"])
  })

  test("an item created in between stands in between", () => {
    const items = conversation(agent("a", null), agent("c", "a"), agent("b", "a"))
    expect(ids(items)).toEqual(["a", "b", "c"])
  })

  test("speech has a place from its start and takes its final one when it is committed", () => {
    const items = conversation(
      agent("a", null),
      { type: "speech-started", itemId: "user_1", audioStartMs: 0 },
      agent("b", "a"),
      committed("user_1", "b"),
    )
    expect(ids(items)).toEqual(["a", "b", "user_1"])
    expect(items.get("user_1")).toMatchObject({ state: "pending" })
  })

  test("events that come twice change nothing", () => {
    const once = [committed("a", null), agent("b", "a"), heard("a", "hi"), calls("c", "b", "completed")]
    expect(conversation(...once, ...once).all()).toEqual(conversation(...once).all())
  })

  test("an item that follows itself or a circle does no harm", () => {
    const items = conversation(agent("a", "a"), agent("b", "c"), agent("c", "b"), agent("b", "c"))
    expect(ids(items).toSorted()).toEqual(["a", "b", "c"])
  })

  test("a transcript for an item nobody told of is kept", () => {
    expect(conversation(heard("user_1", "hi")).all()).toMatchObject([{ kind: "caller", text: "hi" }])
  })

  test("words of a response beside the modelConnection are in no conversation", () => {
    expect(conversation(says("aside", "secret")).all()).toEqual([])
  })

  test("a conversation without end stays bounded", () => {
    const items = new ConversationItems()
    for (let n = 0; n < 2_100; n++) items.apply(committed(`i${n}`, n === 0 ? null : `i${n - 1}`))
    expect(ids(items)).toHaveLength(2_000)
    expect(ids(items)[0]).toBe("i100")
  })
})

describe("what was heard", () => {
  test("a cut keeps the words before it, and later words are not added", () => {
    const items = conversation(agent("a", null), says("a", "One two three four"))
    items.cut("a", { heardMs: 500, sentMs: 1000 })
    items.apply(says("a", " five"))
    items.apply({
      type: "item-done",
      previousItemId: null,
      item: {
        type: "message",
        id: "a",
        role: "assistant",
        status: "incomplete",
        text: "One two three four five",
      },
    })
    expect(items.get("a")).toMatchObject({ generated: "One two three four", heard: "One two" })
  })

  test("a second cut only shortens", () => {
    const items = conversation(agent("a", null), says("a", "One two three four"))
    items.cut("a", { heardMs: 300, sentMs: 1000 })
    items.cut("a", { heardMs: 900, sentMs: 1000 })
    expect(items.get("a")).toMatchObject({ heard: "One" })
  })

  test("what was not played at all was not heard", () => {
    const items = conversation(agent("a", null), says("a", "One"))
    expect(items.cut("a", { heardMs: 0, sentMs: 0 })).toMatchObject({ heard: "" })
    expect(items.cut("unknown", { heardMs: 0, sentMs: 0 })).toBeUndefined()
  })

  test.each([
    ["everything", "One two three", 1, "One two three"],
    ["more than everything", "One two three", 1.4, "One two three"],
    ["nothing", "One two three", 0, ""],
    ["a negative part", "One two three", -1, ""],
    ["no number", "One two three", Number.NaN, ""],
    ["a word that was begun is not heard", "One two three", 0.6, "One two"],
    ["the end of a word", "One two three", 0.54, "One two"],
    ["the only word", "Hello", 0.9, ""],
    ["a script without spaces", "こんにちは世界です", 0.6, "こんにちは"],
    ["no text", "", 0.5, ""],
  ])("%s", (_, text, share, expected) => expect(heardText(text, share)).toBe(expected))
})

describe("taking a conversation to another connection", () => {
  const items = conversation(
    agent("greeting", null, "Hello!"),
    committed("user_1", "greeting"),
    agent("agent_1", "user_1"),
    says("agent_1", "Let me look that up for you."),
    calls("f1", "agent_1", "completed"),
    calls("f2", "f1", "completed"),
    calls("f3", "f2", "incomplete"),
    committed("user_2", "f3"),
    { type: "caller-transcript-failed", itemId: "user_2", code: null, message: "noise" },
    {
      type: "item-added",
      previousItemId: "user_2",
      item: { type: "message", id: "note", role: "system", status: null, text: "VIP" },
    },
    heard("user_1", "Where is my parcel?"),
  )
  items.cut("agent_1", { heardMs: 400, sentMs: 1000 })
  items.toolOutput("call_f1", '{"at":"depot"}')
  items.toolOutput("call_f1", "later")

  test("both sides, cut to what was heard, and each complete call with one output", () => {
    const frames = items.history()
    const text = (frame: string) => JSON.parse(frame).item
    expect(frames.map(text)).toEqual([
      {
        id: "greeting",
        type: "message",
        role: "assistant",
        content: [{ type: "output_text", text: "Hello!" }],
      },
      {
        id: "user_1",
        type: "message",
        role: "user",
        content: [{ type: "input_text", text: "Where is my parcel?" }],
      },
      {
        id: "agent_1",
        type: "message",
        role: "assistant",
        content: [{ type: "output_text", text: "Let me look" }],
      },
      { id: "f1", type: "function_call", call_id: "call_f1", name: "look_up", arguments: "{}" },
      { type: "function_call_output", call_id: "call_f1", output: '{"at":"depot"}' },
      { id: "f2", type: "function_call", call_id: "call_f2", name: "look_up", arguments: "{}" },
      { type: "function_call_output", call_id: "call_f2", output: expect.stringContaining("LOST") },
      { id: "note", type: "message", role: "system", content: [{ type: "input_text", text: "VIP" }] },
    ])
    expect(frames.flatMap((frame) => clientEventFaults(parseClientEvent(frame)!))).toEqual([])
  })

  test("only the latest items go along", () => {
    expect(items.history(1)).toEqual([expect.stringContaining("VIP")])
  })

  test("the other server's report of these items changes nothing here", () => {
    const before = structuredClone(items.all())
    for (const frame of items.history()) {
      const { item } = JSON.parse(frame)
      if (item.type !== "message") continue
      const [{ text }] = item.content
      const event = { id: item.id, type: "message", role: item.role, status: "completed", text } as const
      items.apply({ type: "item-added", previousItemId: null, item: event })
    }
    expect(items.all()).toEqual(before)
  })
})

test("usage of responses and of transcription is added up", () => {
  const count = new UsageCount()
  const usage = {
    inputTokens: 20,
    inputTextTokens: 12,
    inputAudioTokens: 8,
    cachedTokens: 4,
    outputTokens: 10,
    outputTextTokens: 3,
    outputAudioTokens: 7,
  }
  const response = { id: "r", reason: null, error: null, inConversation: true, metadata: {} }
  count.apply({ type: "response-done", response: { ...response, status: "completed", usage } })
  count.apply({ type: "response-done", response: { ...response, status: "cancelled", usage } })
  count.apply({ type: "response-done", response: { ...response, status: "failed", usage: null } })
  count.apply({ ...heard("u", "hi"), usage: { tokens: 5, seconds: 0 } } as RealtimeEvent)
  count.apply({ ...heard("u", "hi"), usage: { tokens: 0, seconds: 1.5 } } as RealtimeEvent)
  expect(count.total).toEqual({
    responses: 2,
    inputTokens: 40,
    inputTextTokens: 24,
    inputAudioTokens: 16,
    cachedTokens: 8,
    outputTokens: 20,
    outputTextTokens: 6,
    outputAudioTokens: 14,
    transcriptionTokens: 5,
    transcriptionSeconds: 1.5,
  })
})
