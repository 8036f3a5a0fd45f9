import { expect, test } from "bun:test"
import { sliceDelta } from "../../../src/realtime/protocol/delta-fast-path.ts"
import { parseRealtimeEvent } from "../../../src/realtime/protocol/server-events.ts"

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
