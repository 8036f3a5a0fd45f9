import { describe, expect, test } from "bun:test"
import { parseEmbeddedRequest } from "../../../src/realtime/embedded/requests.ts"
import { SESSION } from "../connection/connection-fixture.ts"

const parse = (request: unknown) => parseEmbeddedRequest(JSON.stringify(request))

describe("accepted", () => {
  test.each<[string, Record<string, unknown>]>([
    ["the session of an agent", { type: "session.update", session: SESSION }],
    ["audio", { type: "input_audio_buffer.append", audio: "//8=" }],
    ["a commit", { type: "input_audio_buffer.commit", event_id: "e" }],
    ["a clear", { type: "input_audio_buffer.clear" }],
    [
      "an item with its place",
      {
        type: "conversation.item.create",
        previous_item_id: "root",
        item: { type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] },
      },
    ],
    ["a truncation", { type: "conversation.item.truncate", item_id: "i", content_index: 0, audio_end_ms: 0 }],
    ["a deletion", { type: "conversation.item.delete", item_id: "i" }],
    ["a response", { type: "response.create", response: { metadata: { a: "b" }, instructions: "Be kind" } }],
    ["a cancellation", { type: "response.cancel", response_id: "r" }],
  ])("%s", (_, request) => {
    expect(parse(request)).toMatchObject({ ok: true, request: { type: request["type"] } })
  })
})

describe("refused, with code and parameter", () => {
  test.each<[string, unknown, { code: string; param: string | null; event_id?: string }]>([
    ["no object", 7, { code: "invalid_event", param: null }],
    ["no type", { event_id: "e" }, { code: "invalid_event", param: null, event_id: "e" }],
    ["an unknown type", { type: "session.begin" }, { code: "invalid_value", param: "type" }],
    [
      "an unknown field",
      { type: "input_audio_buffer.commit", audio: "", event_id: "e" },
      { code: "unknown_parameter", param: "audio", event_id: "e" },
    ],
    [
      "an unknown field inside the session",
      { type: "session.update", session: { type: "realtime", voice: "ash" } },
      { code: "unknown_parameter", param: "session.voice" },
    ],
    [
      "a missing field",
      { type: "conversation.item.delete" },
      { code: "missing_required_parameter", param: "item_id" },
    ],
    [
      "a missing field of an item",
      { type: "conversation.item.create", item: { type: "function_call_output", output: "" } },
      { code: "missing_required_parameter", param: "item.call_id" },
    ],
    [
      "a value out of range",
      { type: "session.update", session: { type: "realtime", audio: { output: { speed: 2 } } } },
      { code: "invalid_value", param: "session.audio.output.speed" },
    ],
    [
      "audio that is not base64",
      { type: "input_audio_buffer.append", audio: "%" },
      { code: "invalid_value", param: "audio" },
    ],
  ])("%s", (_, request, fault) => {
    expect(parse(request)).toMatchObject({ ok: false, fault: { event_id: null, ...fault } })
  })

  test("text that is not JSON", () => {
    expect(parseEmbeddedRequest("{")).toMatchObject({ ok: false, fault: { code: "invalid_event" } })
  })
})
