import { expect, test } from "bun:test"
import {
  encodeAppend,
  encodeCommit,
  encodeItemCreate,
  encodeItemDelete,
  encodeResponseCreate,
  encodeTruncate,
} from "../../src/realtime/protocol/client-events.ts"
import { connectTo } from "../../src/realtime/connection/websocket.ts"
import { ConnectionFixture, withFields } from "../realtime/connection/connection-fixture.ts"
import { FakeRealtime } from "./fake-realtime.ts"
import { clientEventFaults } from "./realtime-request-check.ts"

async function connected(fake: FakeRealtime) {
  const fixture = new ConnectionFixture(connectTo({ provider: "openai", baseUrl: fake.baseUrl, model: "m" }))
  const connection = await fake.nextConnection()
  await fixture.ready
  return { fixture, connection }
}

test.each([
  ["an unknown type", { type: "session.begin" }],
  ["a name that does not exist", { type: "response.create", response: { modalities: ["audio"] } }],
  ["an event with a field too many", { type: "input_audio_buffer.commit", audio: "" }],
  ["a session without a type", { type: "session.update", session: {} }],
  [
    "the old session",
    { type: "session.update", session: { type: "realtime", input_audio_format: "g711_ulaw" } },
  ],
  [
    "a rate beside mu-law",
    {
      type: "session.update",
      session: { type: "realtime", audio: { input: { format: { type: "audio/pcmu", rate: 8000 } } } },
    },
  ],
  [
    "strict tools",
    {
      type: "session.update",
      session: { type: "realtime", tools: [{ type: "function", name: "f", strict: true }] },
    },
  ],
  [
    "a tool with blanks in its name",
    { type: "session.update", session: { type: "realtime", tools: [{ type: "function", name: "a b" }] } },
  ],
  [
    "text and audio at once",
    { type: "session.update", session: { type: "realtime", output_modalities: ["audio", "text"] } },
  ],
  [
    "a part of a millisecond",
    { type: "conversation.item.truncate", item_id: "i", content_index: 0, audio_end_ms: 1.5 },
  ],
  [
    "audio of the assistant by a wrong name",
    {
      type: "conversation.item.create",
      item: { type: "message", role: "assistant", content: [{ type: "text", text: "x" }] },
    },
  ],
  [
    "a recogniser that cannot work with turns",
    {
      type: "session.update",
      session: {
        type: "realtime",
        audio: {
          input: {
            transcription: { model: "gpt-live-transcribe" },
            turn_detection: { type: "semantic_vad" },
          },
        },
      },
    },
  ],
])("a client is warned of %s", (_, event) => expect(clientEventFaults(event)).not.toEqual([]))

test("audio before the settings is noise and a fault", async () => {
  await using fake = new FakeRealtime({ onUpdate: "stall" })
  const socket = new WebSocket(`${fake.baseUrl.replace("http", "ws")}/realtime?model=m`)
  await new Promise((resolve) => socket.addEventListener("open", resolve))
  const connection = await fake.nextConnection()
  socket.send(encodeAppend("AAAA"))
  socket.send(encodeCommit())
  await connection.next("input_audio_buffer.commit")
  expect({ noise: connection.noise, audio: connection.audio }).toEqual({ noise: ["AAAA"], audio: [] })
  expect(fake.takeFaults()).toEqual(["caller audio before the session had its format: noise"])
  socket.close()
  await connection.closed
})

test("an unexpected fault makes the test fail", async () => {
  const fake = new FakeRealtime()
  const { fixture, connection } = await connected(fake)
  fixture.connection.send('{"type":"nonsense"}')
  await connection.next("nonsense")
  fixture[Symbol.dispose]()
  expect(async () => await fake[Symbol.asyncDispose]()).toThrow("unknown event type nonsense")
})

test("a create gets its script, with its metadata; a second one at once is refused", async () => {
  await using fake = new FakeRealtime()
  const { fixture, connection } = await connected(fake)
  using _ = fixture
  fake.enqueue({
    parts: [
      { call: "f", arguments: "{}", callId: "c_1" },
      { say: "Wait", ms: 200 },
    ],
    ending: "stalled",
  })
  fixture.connection.send(encodeResponseCreate({ metadata: { a: "b" } }, "create_1"))
  fixture.connection.send(encodeResponseCreate({}, "create_2"))
  expect((await fixture.next("response-created")).response.metadata).toEqual({ a: "b" })
  expect((await fixture.next("error")).error).toMatchObject({
    code: "conversation_already_has_active_response",
    eventId: "create_2",
  })
  expect(connection.activeId).not.toBeNull()
  fixture.connection.send('{"type":"response.cancel"}')
  expect((await fixture.nextFrame("response.done"))["response"]).toMatchObject({
    status_details: { reason: "client_cancelled" },
  })
  expect(connection.activeId).toBeNull()
})

test("a response may fail, or end too soon", async () => {
  await using fake = new FakeRealtime()
  const { fixture, connection } = await connected(fake)
  using _ = fixture
  await connection.respond({ parts: [], ending: { failed: { code: "insufficient_quota", message: "pay" } } })
  expect((await fixture.next("response-done")).response).toMatchObject({
    status: "failed",
    error: { code: "insufficient_quota", message: "pay" },
    usage: null,
  })
  await connection.respond({ parts: [{ say: "I", ms: 20 }], ending: { incomplete: "max_output_tokens" } })
  await fixture.nextFrame("response.done")
  expect((await fixture.nextFrame("response.done"))["response"]).toMatchObject({
    status: "incomplete",
    status_details: { reason: "max_output_tokens" },
  })
})

test("what the server does not know or have is refused without being a fault", async () => {
  await using fake = new FakeRealtime()
  const { fixture, connection } = await connected(fake)
  using _ = fixture
  const item = { type: "message", role: "user", text: "hi", id: "mine" } as const
  for (const frame of [
    encodeCommit(),
    encodeItemDelete("nothing"),
    encodeItemCreate(item),
    encodeItemCreate(item),
    withFields(encodeItemCreate({ ...item, id: "x" }), { previous_item_id: "nothing" }),
    encodeTruncate({ itemId: "mine", audioEndMs: 0 }),
    '{"type":"response.cancel"}',
  ]) {
    fixture.connection.send(frame)
  }
  await connection.next("response.cancel")
  expect(connection.errors).toEqual([
    "input_audio_buffer_commit_empty",
    "item_not_found",
    "invalid_value",
    "item_not_found",
    "invalid_value",
    "response_cancel_not_active",
  ])
})

test("a turn of the caller becomes an item, and its transcript may come late", async () => {
  await using fake = new FakeRealtime()
  const { fixture, connection } = await connected(fake)
  using _ = fixture
  const itemId = connection.speechStarted(100)
  connection.speechStopped(itemId, 900)
  await connection.respond({ parts: [{ say: "Yes", ms: 100 }] })
  connection.transcribe(itemId, "Hello?")
  expect(await fixture.next("caller-transcript")).toMatchObject({ itemId, text: "Hello?" })
  const order = fixture.frames.map(({ type }) => type)
  expect(order.slice(order.indexOf("input_audio_buffer.speech_started"))).toEqual([
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_item.done",
    "conversation.item.done",
    "response.done",
    "conversation.item.input_audio_transcription.completed",
  ])
})
