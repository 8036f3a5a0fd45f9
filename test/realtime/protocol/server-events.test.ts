import { expect, test } from "bun:test"
import { parseRealtimeEvent } from "../../../src/realtime/protocol/server-events.ts"

const parse = (event: unknown) => parseRealtimeEvent(JSON.stringify(event))

test.each([
  ["not JSON", "{"],
  ["empty", ""],
  ["a number", "7"],
  ["null", "null"],
  ["a list", "[]"],
  ["no type", "{}"],
  ["a type that is no text", '{"type":7}'],
  [
    "audio that would break out of a frame",
    JSON.stringify({
      type: "response.output_audio.delta",
      response_id: "resp_1",
      item_id: "item_1",
      content_index: 0,
      delta: 'AA"}',
    }),
  ],
  ["a response without an id", '{"type":"response.done","response":{}}'],
  ["an error without an error", '{"type":"error"}'],
])("a frame is malformed: %s", (_, text) => expect(parseRealtimeEvent(text).type).toBe("malformed"))

test.each([
  ["conversation.item.created"],
  ["response.audio.delta"],
  ["response.function_call_arguments.delta"],
  ["conversation.created"],
  ["conversation.item.truncated"],
  ["response.output_item.added"],
  ["rate_limits.updated"],
  ["__proto__"],
])("an event without use is ignored: %s", (name) => {
  expect(parse({ type: name })).toEqual({ type: "ignored", name })
})

test("a new session has its end and its formats", () => {
  const format = { type: "audio/pcm", rate: 24_000 }
  const session = {
    id: "sess_1",
    expires_at: 1_795_000_000,
    audio: { input: { format }, output: { format } },
  }
  expect(parse({ type: "session.created", session })).toEqual({
    type: "session-created",
    expiresAtMs: 1_795_000_000_000,
    inputFormat: "audio/pcm",
    outputFormat: "audio/pcm",
  })
  expect(parse({ type: "session.updated", session: {} })).toEqual({
    type: "session-updated",
    expiresAtMs: null,
    inputFormat: null,
    outputFormat: null,
  })
})

const item = { id: "item_1", object: "realtime.item" }

test.each([
  [
    "speech of the agent",
    {
      ...item,
      type: "message",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_audio", transcript: "Hi" }],
    },
    { type: "message", id: "item_1", role: "assistant", text: "Hi" },
  ],
  [
    "speech of the caller",
    { ...item, type: "message", role: "user", content: [{ type: "input_audio", transcript: null }] },
    { type: "message", id: "item_1", role: "user", text: "" },
  ],
  [
    "a call",
    { ...item, type: "function_call", status: "completed", name: "f", call_id: "c", arguments: "{}" },
    { type: "function-call", id: "item_1", status: "completed", name: "f", callId: "c", arguments: "{}" },
  ],
  [
    "a call of a server that sends no status with it",
    { ...item, type: "function_call", name: "f", call_id: "c", arguments: "{}" },
    { type: "function-call", id: "item_1", status: "completed", name: "f", callId: "c", arguments: "{}" },
  ],
  [
    "a call that was cut off",
    { ...item, type: "function_call", status: "incomplete", name: "f", call_id: "c", arguments: "{" },
    { type: "function-call", id: "item_1", status: "incomplete", name: "f", callId: "c", arguments: "{" },
  ],
  [
    "an output",
    { ...item, type: "function_call_output", call_id: "c", output: "7" },
    { type: "other", id: "item_1" },
  ],
  ["something else", { ...item, type: "mcp_call" }, { type: "other", id: "item_1" }],
] as const)("an item is read: %s", (_, wire, expected) => {
  expect(parse({ type: "conversation.item.done", previous_item_id: "item_0", item: wire })).toEqual({
    type: "item-done",
    item: expected,
  } as never)
})

test("a failed response says why, and missing usage is no fault", () => {
  const error = { type: "server_error", code: "rate_limit_exceeded", message: "slow down" }
  const response = {
    id: "resp_1",
    status: "failed",
    status_details: { type: "failed", error },
    conversation_id: "c",
  }
  expect(parse({ type: "response.done", response })).toEqual({
    type: "response-done",
    response: {
      id: "resp_1",
      status: "failed",
      error: { code: "rate_limit_exceeded", message: "slow down" },
      metadata: {},
      usage: null,
    },
  })
})

test("a cancelled response counts what it used", () => {
  const usage = {
    input_tokens: 20,
    output_tokens: 10,
    input_token_details: { text_tokens: 12, audio_tokens: 8, cached_tokens: 4 },
    output_token_details: { audio_tokens: 7 },
  }
  const response = {
    id: "resp_1",
    status: "cancelled",
    status_details: { reason: "turn_detected" },
    conversation_id: null,
    metadata: { topic: "x" },
    usage,
  }
  expect(parse({ type: "response.done", response })).toEqual({
    type: "response-done",
    response: {
      id: "resp_1",
      status: "cancelled",
      error: null,
      metadata: { topic: "x" },
      usage: {
        inputTokens: 20,
        inputTextTokens: 12,
        inputAudioTokens: 8,
        cachedTokens: 4,
        cachedAudioTokens: 4,
        outputTokens: 10,
        outputTextTokens: 0,
        outputAudioTokens: 7,
      },
    },
  })
})

test.each([
  ["its own count", { cached_tokens: 6, cached_tokens_details: { text_tokens: 4, audio_tokens: 2 } }, 2],
  [
    "none, where all cached tokens are text",
    { cached_tokens: 6, cached_tokens_details: { text_tokens: 6 } },
    0,
  ],
  ["audio first, where the server reports no share", { cached_tokens: 6 }, 6],
  ["no more audio than was sent", { cached_tokens: 12 }, 8],
])("cached audio tokens: %s", (_, cached, cachedAudioTokens) => {
  const usage = { input_tokens: 20, input_token_details: { text_tokens: 12, audio_tokens: 8, ...cached } }
  expect(
    parse({ type: "response.done", response: { id: "resp_1", status: "completed", usage } }),
  ).toMatchObject({
    response: { usage: { cachedTokens: cached.cached_tokens, cachedAudioTokens } },
  })
})

test("a transcript has its languages and its cost", () => {
  const event = {
    type: "conversation.item.input_audio_transcription.completed",
    item_id: "item_1",
    content_index: 0,
    transcript: "Hello",
    languages: [{ code: "en" }],
    usage: { type: "duration", seconds: 2 },
  }
  const expected = { type: "caller-transcript", itemId: "item_1", text: "Hello" } as const
  expect(parse(event)).toEqual({ ...expected, languages: ["en"], usage: { tokens: 0, seconds: 2 } })
  expect(parse({ ...event, languages: "en", usage: "much" })).toEqual({
    ...expected,
    languages: [],
    usage: null,
  })
  expect(parse({ ...event, languages: undefined, usage: undefined })).toEqual({
    ...expected,
    languages: [],
    usage: null,
  })
})

test("an error names the event at fault", () => {
  const error = {
    type: "invalid_request_error",
    code: null,
    message: "no",
    param: "session",
    event_id: "create_1",
  }
  expect(parse({ type: "error", error })).toEqual({
    type: "error",
    error: {
      kind: "invalid_request_error",
      code: null,
      message: "no",
      eventId: "create_1",
    },
  })
})
