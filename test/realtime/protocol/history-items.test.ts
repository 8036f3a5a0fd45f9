import { expect, test } from "bun:test"
import type { ChatItem } from "../../../src/llm/chat-model.ts"
import { historyFrames } from "../../../src/realtime/protocol/history-items.ts"
import { clientEventFaults, parseClientEvent } from "../../fakes/realtime-request-check.ts"

const caller: ChatItem = { type: "message", role: "user", text: " Where is my parcel? " }
const agent: ChatItem = { type: "message", role: "assistant", text: "Let me look" }
const note: ChatItem = { type: "message", role: "system", text: "VIP" }
const call: ChatItem = { type: "tool-call", callId: "c1", name: "look_up", arguments: "{}" }
const result: ChatItem = { type: "tool-result", callId: "c1", output: '{"at":"depot"}' }

const message = (role: string, text: string) => ({
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text }],
})
const wireCall = { type: "function_call", call_id: "c1", name: "look_up", arguments: "{}" }
const wireResult = { type: "function_call_output", call_id: "c1", output: '{"at":"depot"}' }

test.each<[string, ChatItem[], object[]]>([
  ["no history", [], []],
  [
    "messages of every speaker",
    [caller, agent, note],
    [message("user", "Where is my parcel?"), message("assistant", "Let me look"), message("system", "VIP")],
  ],
  ["a tool call with its result", [call, result], [wireCall, wireResult]],
  ["no blank messages", [{ ...agent, text: "  " }, caller], [message("user", "Where is my parcel?")]],
  ["no result without its call", [result, caller], [message("user", "Where is my parcel?")]],
])("%s", (_, items, expected) => {
  const frames = historyFrames(items)
  expect(frames.map((frame) => JSON.parse(frame))).toEqual(
    expected.map((item) => ({ type: "conversation.item.create", item })),
  )
  expect(frames.flatMap((frame) => clientEventFaults(parseClientEvent(frame)!))).toEqual([])
})

test("the latest 200 items, without a result whose call was cut off", () => {
  const notes = Array.from({ length: 199 }, (_, n): ChatItem => ({ ...note, text: `note ${n}` }))
  const frames = historyFrames([caller, call, result, ...notes])
  expect(frames).toHaveLength(199)
  expect(JSON.parse(frames[0]!).item).toEqual(message("system", "note 0"))
})
