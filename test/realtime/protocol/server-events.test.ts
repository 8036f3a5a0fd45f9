import { expect, test } from "bun:test"
import { sliceDelta } from "../../../src/realtime/protocol/delta-fast-path.ts"
import { parseRealtimeEvent } from "../../../src/realtime/protocol/server-events.ts"

const parse = (event: unknown) => parseRealtimeEvent(JSON.stringify(event))

const delta = {
  type: "response.output_audio.delta",
  event_id: "event_1",
  response_id: "resp_1",
  item_id: "item_1",
  output_index: 0,
  content_index: 2,
  delta: "//8A/w==",
}
const audio = { type: "audio", responseId: "resp_1", itemId: "item_1", contentIndex: 2, payload: "//8A/w==" }
const { type, event_id, ...rest } = delta

test.each([
  ["in the order of the reference", JSON.stringify(delta)],
  ["with the event id first", JSON.stringify({ event_id, type, ...rest })],
  ["with unknown fields of plain kinds", JSON.stringify({ ...delta, obfuscation: "abc", more: 7 })],
  ["with no audio in it", JSON.stringify(delta).replace("//8A/w==", "")],
])("an audio delta is sliced: %s", (_, text) => {
  const sliced = sliceDelta(text)
  expect(sliced).toEqual({ ...audio, type: "audio", payload: JSON.parse(text).delta })
})

test.each([
  ["white space", JSON.stringify(delta, null, 2)],
  ["an escape in the audio", JSON.stringify(delta).replace("//8A", "\\/\\/8A")],
  ["an escape in an id", JSON.stringify(delta).replace("item_1", "item\\u005f1")],
  ["a nested field", JSON.stringify({ ...delta, extra: { delta: "AAAA" } })],
  ["null beside the rest", JSON.stringify({ ...delta, extra: null })],
])("an audio delta with %s is read all the same, by parsing", (_, text) => {
  expect(sliceDelta(text)).toBeUndefined()
  expect(parseRealtimeEvent(text)).toMatchObject(audio)
})

test.each([
  ["the name in another field", JSON.stringify({ type: "x", note: delta.type, ...rest })],
  ["a field twice", JSON.stringify(delta).replace('"delta":', '"delta":"AAAA","delta":')],
  ["text behind the end", `${JSON.stringify(delta)}{}`],
  ["a break in the middle", JSON.stringify(delta).slice(0, -3)],
  ["an index that is text", JSON.stringify({ ...delta, content_index: "2" })],
  ["an index that is not whole", JSON.stringify({ ...delta, content_index: 0.5 })],
  ["audio that is no base64", JSON.stringify({ ...delta, delta: "AA<A" })],
  ["a raw control character", JSON.stringify(delta).replace("//8A", "\u0001AAA")],
  ["no audio", JSON.stringify({ ...delta, delta: undefined })],
  ["another type first", JSON.stringify({ type: "response.output_audio.delta.x", ...rest })],
])("text with %s is not sliced", (_, text) => expect(sliceDelta(text)).toBeUndefined())

const transcript = {
  type: "response.output_audio_transcript.delta",
  event_id: "event_2",
  response_id: "resp_1",
  item_id: "item_1",
  output_index: 0,
  content_index: 0,
  delta: " Grüße, 日本",
}
const { type: _type, event_id: _eventId, ...words } = { ...transcript, type: "transcript-delta" }

test.each([
  ["as it comes", JSON.stringify(transcript)],
  ["with one more field", JSON.stringify({ ...transcript, obfuscation: "abc" })],
])("a transcript delta is sliced, and reads as a parse reads it: %s", (_, text) => {
  const { response_id: responseId, item_id: itemId, content_index: contentIndex, delta } = words
  const expected = { type: "transcript-delta", responseId, itemId, contentIndex, delta } as const
  expect(sliceDelta(text)).toEqual(expected)
  // A space between fields leaves it to the parse.
  expect(parseRealtimeEvent(text.replace(",", ", "))).toEqual(expected)
})

test.each([
  ["an escape", JSON.stringify({ ...transcript, delta: 'a "word"\n' }), 'a "word"\n'],
  ["an escaped character", JSON.stringify(transcript).replace("ü", "\\u00fc"), transcript.delta],
])("a transcript delta with %s is read all the same, by parsing", (_, text, said) => {
  expect(sliceDelta(text)).toBeUndefined()
  expect(parseRealtimeEvent(text)).toMatchObject({ type: "transcript-delta", delta: said })
})

test.each([
  ["a raw line break in the words", JSON.stringify(transcript).replace(" Gr", "\nGr")],
  ["no item", JSON.stringify({ ...transcript, item_id: "" })],
])("a transcript delta with %s is malformed both ways", (_, text) => {
  expect(sliceDelta(text)).toBeUndefined()
  expect(parseRealtimeEvent(text).type).toBe("malformed")
})

test("of a field that comes twice the last one counts, as in JSON", () => {
  const text = JSON.stringify(delta).replace('"delta":', '"delta":"AAAA","delta":')
  expect(parseRealtimeEvent(text)).toEqual({ ...audio, type: "audio" })
})

test.each([
  ["not JSON", "{"],
  ["empty", ""],
  ["a number", "7"],
  ["null", "null"],
  ["a list", "[]"],
  ["no type", "{}"],
  ["a type that is no text", '{"type":7}'],
  ["audio that would break out of a frame", JSON.stringify({ ...delta, delta: 'AA"}' })],
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
])("an event that nobody needs is ignored: %s", (name) => {
  expect(parse({ type: name })).toEqual({ type: "ignored", name })
})

test("a new session tells its end and its formats", () => {
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

test("a failed response tells why, and missing usage is no fault", () => {
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
        outputTokens: 10,
        outputTextTokens: 0,
        outputAudioTokens: 7,
      },
    },
  })
})

test("a transcript tells its languages and what it cost", () => {
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
