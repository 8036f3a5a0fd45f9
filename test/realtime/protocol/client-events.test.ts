import { expect, test } from "bun:test"
import {
  encodeAppend,
  encodeCancel,
  encodeCommit,
  encodeItemCreate,
  encodeItemDelete,
  encodeResponseCreate,
  encodeTruncate,
} from "../../../src/realtime/protocol/client-events.ts"
import { clientEventFaults, parseClientEvent } from "../../fakes/realtime-request-check.ts"

const user = { type: "message", role: "user", text: 'He said "hi"\n' } as const

test.each([
  ["audio", encodeAppend("//8A"), { type: "input_audio_buffer.append", audio: "//8A" }],
  ["a commit", encodeCommit(), { type: "input_audio_buffer.commit" }],
  [
    "a text of the caller",
    encodeItemCreate(user),
    {
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: 'He said "hi"\n' }] },
    },
  ],
  [
    "a text of the agent",
    encodeItemCreate({ ...user, role: "assistant", text: "Hi", id: "item_1" }),
    {
      type: "conversation.item.create",
      item: {
        id: "item_1",
        type: "message",
        role: "assistant",
        content: [{ type: "output_text", text: "Hi" }],
      },
    },
  ],
  [
    "a call",
    encodeItemCreate({ type: "function-call", callId: "c", name: "f", arguments: "{}" }),
    {
      type: "conversation.item.create",
      item: { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
    },
  ],
  [
    "an output",
    encodeItemCreate({ type: "function-call-output", callId: "c", output: "7" }),
    { type: "conversation.item.create", item: { type: "function_call_output", call_id: "c", output: "7" } },
  ],
  [
    "a cut at part of a millisecond",
    encodeTruncate({ itemId: "item_1", audioEndMs: 12.9 }),
    { type: "conversation.item.truncate", item_id: "item_1", content_index: 0, audio_end_ms: 12 },
  ],
  [
    "a cut before the beginning",
    encodeTruncate({ itemId: "item_1", audioEndMs: -5 }),
    { type: "conversation.item.truncate", item_id: "item_1", content_index: 0, audio_end_ms: 0 },
  ],
  ["a removal", encodeItemDelete("item_1"), { type: "conversation.item.delete", item_id: "item_1" }],
  ["a create", encodeResponseCreate({}, "c_1"), { type: "response.create", event_id: "c_1", response: {} }],
  [
    "a create with settings of its own",
    encodeResponseCreate(
      { instructions: "Say hello", input: [], toolChoice: "none", metadata: { a: "b" } },
      "c_1",
    ),
    {
      type: "response.create",
      event_id: "c_1",
      response: { instructions: "Say hello", input: [], tool_choice: "none", metadata: { a: "b" } },
    },
  ],
  ["a cancel", encodeCancel({}), { type: "response.cancel" }],
  [
    "a cancel by name",
    encodeCancel({ responseId: "resp_1", eventId: "x" }),
    { type: "response.cancel", event_id: "x", response_id: "resp_1" },
  ],
])("%s is what the reference says", (_, text, expected) => {
  expect(JSON.parse(text)).toEqual(expected)
  expect(clientEventFaults(parseClientEvent(text)!)).toEqual([])
})
