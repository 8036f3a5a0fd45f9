/** The events of a streamed response as other servers than OpenAI's may send them. */

import { expect, test } from "bun:test"
import { readResponseStream } from "../../../src/llm/openai/response-stream.ts"
import { ResponseEvents } from "../../../src/llm/openai/response-events.ts"

const eventsOf = (text: string) => Array.fromAsync(readResponseStream(new Response(text)))

test("events are parsed, with and without a name", async () => {
  const text = 'event: a\ndata: {"type":"a"}\n\ndata: {"type":"b","error":null}\r\n\r\n: comment\n\n'
  expect(await eventsOf(text)).toEqual([{ type: "a" }, { type: "b", error: null }])
})

test("an end mark is no event", async () => {
  const reader = new ResponseEvents()
  const events = await eventsOf(
    'data: {"type":"response.output_text.delta","delta":"Hi"}\n\ndata: [DONE]\n\n',
  )
  expect(events.flatMap((event) => reader.read(event))).toEqual([{ type: "text", text: "Hi" }])
})

test.each([
  ['data: {"error":{"message":"busy","code":"overloaded"}}\n\n', { code: "overloaded", retryable: true }],
  ['data: {"error":{"message":"spent","code":"insufficient_quota"}}\n\n', { retryable: false }],
  ['data: {"error":"out of memory"}\n\n', { message: "The model failed: out of memory" }],
  ["data: {\n\n", { message: "The model's answer held an event that is no JSON", retryable: true }],
])("%j is a failure", async (text, failure) => {
  expect(await eventsOf(text).catch((error: unknown) => error)).toMatchObject({
    name: "ChatModelError",
    ...failure,
  })
})

test.each([{ delta: 5 }, {}, { delta: null }])("a delta without text is a failure: %j", (fields) => {
  const read = () => new ResponseEvents().read({ type: "response.output_text.delta", ...fields })
  expect(read).toThrow("held an event that cannot be read")
})
