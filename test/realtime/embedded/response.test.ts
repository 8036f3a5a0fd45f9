import { expect, test } from "bun:test"
import { EmbeddedResponse, type EmbeddedAnswer } from "../../../src/realtime/embedded/response.ts"
import { TestClock } from "../../lib/test-clock.ts"

const speech = (ms: number): EmbeddedAnswer => ({
  type: "speech",
  text: "Good day.",
  audio: new Uint8Array(ms * 8),
})

function setUp(
  answer: EmbeddedAnswer,
  options: { previousItemId?: string | null | undefined } = { previousItemId: "item_0" },
) {
  const clock = new TestClock()
  const events: { type: string; fields: Record<string, unknown> }[] = []
  let doneCount = 0
  const response = new EmbeddedResponse({
    id: "resp_1",
    itemId: "item_1",
    previousItemId: options.previousItemId,
    conversationId: "conv_1",
    answer,
    inputTokens: 12,
    metadata: { a: "b" },
    emit: (type, fields) => events.push({ type, fields }),
    onDone: () => void doneCount++,
    sweep: clock.sweep,
  })
  response.start()
  const types = () => events.map(({ type }) => type)
  const final = () => events.findLast(({ type }) => type === "response.done")?.fields["response"]
  return { clock, events, response, types, final, doneCount: () => doneCount }
}

test("speech goes out in steps of 400 ms, four times as fast as it plays", () => {
  const { clock, response, types, final, doneCount } = setUp(speech(1_000))
  const sentMs = [response.sentMs]
  for (let step = 0; step < 3; step++) {
    clock.advance(100)
    sentMs.push(response.sentMs)
  }
  expect(sentMs).toEqual([400, 800, 1_000, 1_000])
  expect(types()).toEqual([
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
  ])
  expect(final()).toMatchObject({
    status: "completed",
    metadata: { a: "b" },
    usage: {
      input_tokens: 12,
      output_tokens: 23,
      output_token_details: { audio_tokens: 20, text_tokens: 3 },
    },
  })
  expect({ done: doneCount(), deadlines: clock.sweep.size }).toEqual({ done: 1, deadlines: 0 })
})

test.each<[string, EmbeddedAnswer, object]>([
  [
    "a call",
    { type: "call", name: "end_call", arguments: '{"a":1}' },
    {
      type: "function_call",
      name: "end_call",
      call_id: "call_item_1",
      arguments: '{"a":1}',
      status: "completed",
    },
  ],
  [
    "a text",
    { type: "text", text: "All right." },
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "All right." }] },
  ],
])("%s is complete at once", (_, answer, item) => {
  const { final, doneCount } = setUp(answer)
  expect(final()).toMatchObject({ status: "completed", output: [item] })
  expect(doneCount()).toBe(1)
})

test.each(["turn_detected", "client_cancelled"] as const)("a cancelled response ends once: %s", (reason) => {
  const { clock, response, types, final, doneCount } = setUp(speech(2_000))
  response.cancel(reason)
  response.cancel(reason)
  clock.advance(5_000)
  expect(final()).toMatchObject({ status: "cancelled", status_details: { reason } })
  expect(types().filter((type) => type === "response.done")).toHaveLength(1)
  expect({ done: doneCount(), sentMs: response.sentMs }).toEqual({ done: 1, sentMs: 400 })
})

test("a dropped response sends nothing more", () => {
  const { clock, response, events, doneCount } = setUp(speech(2_000))
  const before = events.length
  response.drop()
  clock.advance(5_000)
  expect({ events: events.length, done: doneCount(), deadlines: clock.sweep.size }).toEqual({
    events: before,
    done: 0,
    deadlines: 0,
  })
})

test("an out-of-band response adds no item to the conversation", () => {
  const { types, final } = setUp({ type: "text", text: "All right." }, { previousItemId: undefined })
  expect(types().filter((type) => type.startsWith("conversation."))).toEqual([])
  expect(final()).toMatchObject({ conversation_id: null })
})
