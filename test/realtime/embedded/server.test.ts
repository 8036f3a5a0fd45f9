import { describe, expect, test } from "bun:test"
import { encodeMulaw, silence } from "../../../src/audio/mulaw.ts"
import {
  encodeAppend,
  encodeCancel,
  encodeCommit,
  encodeItemCreate,
  encodeItemDelete,
  encodeResponseCreate,
  encodeSessionUpdate,
  encodeTruncate,
} from "../../../src/realtime/protocol/client-events.ts"
import { ItemTexts } from "../../../src/realtime/connection/item-texts.ts"
import type { RealtimeSocket } from "../../../src/realtime/connection/websocket.ts"
import { connectToEmbeddedServer, storedPrompts } from "../../../src/realtime/embedded/socket.ts"
import { SpeechDetector } from "../../../src/audio/speech-detector.ts"
import { TestClock } from "../../lib/test-clock.ts"
import { ConnectionFixture, SESSION, withFields } from "../connection/connection-fixture.ts"

/** A tone as loud as speech on the phone. */
function speech(ms: number): Uint8Array {
  const samples = Int16Array.from({ length: ms * 8 }, (_, at) => 6_000 * Math.sin(at / 3))
  return encodeMulaw(samples)
}

const prompts = {
  greeting: { text: "Hello there.", audio: speech(1_000) },
  youSaid: { text: "You said:", audio: speech(600) },
  done: { text: "All right.", audio: speech(500) },
}

/** A connection to the embedded server, which has its own clock. */
async function connected() {
  const fixture = new ConnectionFixture(connectToEmbeddedServer({ prompts, sweep: clock.sweep }))
  await fixture.ready
  return fixture
}

// One clock for all servers: a test moves it as far as it needs.
const clock = new TestClock()

const say = ({ connection }: ConnectionFixture, audio: Uint8Array, pieceMs = 20) => {
  for (let at = 0; at < audio.length; at += pieceMs * 8) {
    const piece = Buffer.from(audio.subarray(at, at + pieceMs * 8)).toString("base64")
    connection.send(encodeAppend(piece))
  }
}
const CLEAR = JSON.stringify({ type: "input_audio_buffer.clear" })
const types = ({ events }: ConnectionFixture) => events.map(({ type }) => type)
const audioMs = ({ events }: ConnectionFixture) =>
  events.reduce(
    (sum, event) => (event.type === "audio" ? sum + Buffer.from(event.payload, "base64").length / 8 : sum),
    0,
  )

/** What the model said in each item of the conversation; empty for items of the caller. */
function texts({ events }: ConnectionFixture): string[] {
  const items = new ItemTexts()
  for (const event of events) items.apply(event)
  return [...items.ids()].map((itemId) => items.textOf(itemId))
}

test("it accepts the settings and reports when the session ends", async () => {
  using fixture = await connected()
  expect(types(fixture)).toEqual(["session-created", "session-updated"])
  expect(fixture.connection.expiresAt).toBe(clock.monotonic() + 3_600_000)
})

test("asked to speak first, it greets, faster than the audio plays, with its words", async () => {
  using fixture = await connected()
  fixture.connection.send(encodeResponseCreate({ metadata: { mark: "1" } }, "create_1"))
  expect((await fixture.next("response-created")).response.metadata).toEqual({ mark: "1" })
  await fixture.next("audio")
  expect(audioMs(fixture)).toBe(400)
  clock.advance(200)
  const { response } = await fixture.next("response-done")
  expect(response).toMatchObject({ status: "completed" })
  expect(audioMs(fixture)).toBe(1_000)
  expect(texts(fixture)).toEqual(["Hello there."])
})

test("a turn of the caller is found, transcribed and answered with the caller's own voice", async () => {
  using fixture = await connected()
  say(fixture, Buffer.concat([silence(1_000), speech(1_200), silence(500)]))
  expect(await fixture.nextFrame("input_audio_buffer.speech_started")).toMatchObject({ audio_start_ms: 700 })
  expect(await fixture.nextFrame("input_audio_buffer.speech_stopped")).toMatchObject({ audio_end_ms: 2_700 })
  expect(await fixture.next("caller-transcript")).toMatchObject({ text: "(speech of 1.2 s)" })
  await fixture.next("response-created")
  clock.advance(3_000)
  await fixture.next("response-done")
  // The answer's own words, the padding before the speech, the speech, and the silence that ended it.
  expect(audioMs(fixture)).toBe(600 + 300 + 60 + 1_200 + 500 - 60)
  expect(texts(fixture)).toEqual(["", "You said: (speech of 1.2 s)"])
})

test("a caller who speaks while it answers stops it", async () => {
  using fixture = await connected()
  fixture.connection.send(encodeResponseCreate({}, "create_1"))
  const { itemId } = await fixture.next("audio")
  say(fixture, speech(100))
  await fixture.next("speech-started")
  expect((await fixture.nextFrame("response.done"))["response"]).toMatchObject({
    status: "cancelled",
    status_details: { reason: "turn_detected" },
  })
  clock.advance(1_000)
  fixture.connection.send(encodeTruncate({ itemId, audioEndMs: 250 }))
  expect(await fixture.nextFrame("conversation.item.truncated")).toMatchObject({
    item_id: itemId,
    audio_end_ms: 250,
  })
  expect(audioMs(fixture)).toBe(400)
})

test("a text can make it call a tool, and the output is answered", async () => {
  using fixture = await connected()
  fixture.connection.send(
    encodeItemCreate({ type: "message", role: "user", text: 'call end_call {"reason":"x"}' }),
  )
  fixture.connection.send(encodeResponseCreate({}, "create_1"))
  const { item } = await fixture.next("output-item-done")
  expect(item).toMatchObject({
    type: "function-call",
    name: "end_call",
    arguments: '{"reason":"x"}',
    status: "completed",
  })
  await fixture.next("response-done")
  const callId = item.type === "function-call" ? item.callId : ""
  fixture.connection.send(encodeItemCreate({ type: "function-call-output", callId, output: "{}" }))
  fixture.connection.send(encodeResponseCreate({}, "create_2"))
  await fixture.next("response-created")
  clock.advance(200)
  await fixture.next("response-done")
  expect(await fixture.nextFrame("response.output_audio_transcript.done")).toMatchObject({
    transcript: "All right.",
  })
})

test("a tool that the session does not have is not called", async () => {
  using fixture = await connected()
  fixture.connection.send(encodeItemCreate({ type: "message", role: "user", text: "call rm_rf" }))
  fixture.connection.send(encodeResponseCreate({}, "create_1"))
  expect((await fixture.nextFrame("response.output_item.added"))["item"]).toMatchObject({ type: "message" })
})

test("an out-of-band response is text, at once, and enters no conversation", async () => {
  using fixture = await connected()
  fixture.connection.send(encodeResponseCreate({}, "create_1"))
  await fixture.next("audio")
  const response = { conversation: "none", output_modalities: ["text"] }
  fixture.connection.send(JSON.stringify({ type: "response.create", response }))
  expect(await fixture.nextFrame("response.output_text.done")).toMatchObject({ text: "All right." })
  expect((await fixture.nextFrame("response.done"))["response"]).toMatchObject({ conversation_id: null })
  expect(types(fixture).filter((type) => type === "item-added")).toHaveLength(1)
})

test("after an hour the session is over", async () => {
  using own = new TestClock()
  using fixture = new ConnectionFixture(connectToEmbeddedServer({ prompts, sweep: own.sweep }))
  await fixture.ready
  own.advance(3_600_000)
  expect(await fixture.lost).toMatchObject({ reason: "expired" })
  expect(own.sweep.size).toBe(0)
})

test("the sentences that come with the program are there", async () => {
  using own = new TestClock()
  using fixture = new ConnectionFixture(
    connectToEmbeddedServer({ prompts: storedPrompts(), sweep: own.sweep }),
  )
  await fixture.ready
  fixture.connection.send(encodeResponseCreate({}, "create_1"))
  await fixture.next("audio")
  own.advance(10_000)
  await fixture.next("response-done")
  expect(audioMs(fixture)).toBeGreaterThan(1_000)
})

test("a client that goes leaves nothing running", async () => {
  using own = new TestClock()
  using fixture = new ConnectionFixture(connectToEmbeddedServer({ prompts, sweep: own.sweep }))
  await fixture.ready
  fixture.connection.send(encodeResponseCreate({}, "create_1"))
  await fixture.next("audio")
  fixture.connection.close()
  expect(own.sweep.size).toBe(0)
})

describe("it refuses as the real server does", () => {
  const item = { type: "message", role: "user", text: "hi" } as const

  test.each([
    ["no JSON", "{", "invalid_event", null],
    ["no type", '{"event_id":"e"}', "invalid_event", "e"],
    ["an unknown type", '{"type":"session.begin","event_id":"e"}', "invalid_value", "e"],
    ["a session without a type", encodeSessionUpdate({}, "e"), "missing_required_parameter", "e"],
    [
      "a field of the old protocol",
      encodeSessionUpdate({ type: "realtime", voice: "ash" }, "e"),
      "unknown_parameter",
      "e",
    ],
    [
      "a rate beside mu-law",
      encodeSessionUpdate(
        { type: "realtime", audio: { input: { format: { type: "audio/pcmu", rate: 8000 } } } },
        "e",
      ),
      "unknown_parameter",
      "e",
    ],
    [
      "both kinds of output",
      encodeSessionUpdate({ type: "realtime", output_modalities: ["audio", "text"] }, "e"),
      "invalid_value",
      "e",
    ],
    [
      "a cut at half a millisecond",
      '{"type":"conversation.item.truncate","event_id":"e","item_id":"i","content_index":0,"audio_end_ms":1.5}',
      "invalid_value",
      "e",
    ],
    [
      "a cut of nothing",
      withFields(encodeTruncate({ itemId: "i", audioEndMs: 0 }), { event_id: "e" }),
      "item_not_found",
      "e",
    ],
    ["a commit of nothing", encodeCommit(), "input_audio_buffer_commit_empty", null],
    ["a cancel of nothing", encodeCancel({ eventId: "e" }), "response_cancel_not_active", "e"],
    ["a removal of nothing", encodeItemDelete("i"), "item_not_found", null],
    [
      "an item after nothing",
      withFields(encodeItemCreate(item), { previous_item_id: "i", event_id: "e" }),
      "item_not_found",
      "e",
    ],
    ["audio that is no base64", '{"type":"input_audio_buffer.append","audio":"%%"}', "invalid_value", null],
  ])("%s", async (_, frame, code, eventId) => {
    using fixture = await connected()
    fixture.connection.send(frame)
    expect((await fixture.next("error")).error).toMatchObject({
      code,
      eventId,
      kind: "invalid_request_error",
    })
    expect(fixture.connection.isReady).toBe(true)
  })

  test("a second answer while one runs", async () => {
    using fixture = await connected()
    fixture.connection.send(encodeResponseCreate({}, "create_1"))
    fixture.connection.send(encodeResponseCreate({}, "create_2"))
    expect((await fixture.next("error")).error).toMatchObject({
      code: "conversation_already_has_active_response",
      eventId: "create_2",
    })
  })

  test("a cut beyond what was sent, and a cut of what the caller said", async () => {
    using fixture = await connected()
    fixture.connection.send(encodeItemCreate({ ...item, id: "mine" }))
    fixture.connection.send(encodeResponseCreate({}, "create_1"))
    const { itemId } = await fixture.next("audio")
    fixture.connection.send(encodeTruncate({ itemId, audioEndMs: 401 }))
    expect((await fixture.next("error")).error.message).toContain("already shorter")
    fixture.connection.send(encodeTruncate({ itemId: "mine", audioEndMs: 0 }))
    expect((await fixture.next("error")).error.message).toContain("Only model output audio")
  })

  test("an item id that is in use", async () => {
    using fixture = await connected()
    fixture.connection.send(encodeItemCreate({ ...item, id: "mine" }))
    fixture.connection.send(encodeItemCreate({ ...item, id: "mine" }))
    expect((await fixture.next("error")).error.code).toBe("invalid_value")
  })
})

test("items are created, put in between and deleted, and the buffer is cleared", async () => {
  using fixture = await connected()
  const item = { type: "message", role: "user", text: "hi" } as const
  fixture.connection.send(encodeItemCreate({ ...item, id: "a" }))
  fixture.connection.send(encodeItemCreate({ ...item, id: "c" }))
  fixture.connection.send(withFields(encodeItemCreate({ ...item, id: "b" }), { previous_item_id: "a" }))
  fixture.connection.send(
    withFields(encodeItemCreate({ ...item, id: "first" }), { previous_item_id: "root" }),
  )
  fixture.connection.send(encodeItemDelete("c"))
  fixture.connection.send(CLEAR)
  await fixture.next("item-deleted")
  const added = fixture.frames.filter(({ type }) => type === "conversation.item.added")
  expect(added).toMatchObject([
    { item: { id: "a" }, previous_item_id: null },
    { item: { id: "c" }, previous_item_id: "a" },
    { item: { id: "b" }, previous_item_id: "a" },
    { item: { id: "first" }, previous_item_id: null },
  ])
})

test("without transcription and without automatic answers there are none", async () => {
  using fixture = await connected()
  const input = {
    transcription: null,
    turn_detection: { type: "server_vad", create_response: false, interrupt_response: false },
  }
  fixture.connection.update({ type: "realtime", audio: { input } })
  say(fixture, Buffer.concat([speech(400), silence(600)]))
  await fixture.next("committed")
  await fixture.next("item-done")
  fixture.connection.send(CLEAR)
  fixture.connection.send(encodeCancel({}))
  await fixture.next("error")
  expect(types(fixture)).not.toContain("caller-transcript")
  expect(types(fixture)).not.toContain("response-created")
})

describe("the detector of speech", () => {
  const settings = { threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: 500 }
  const turn = Buffer.concat([silence(200), speech(600), silence(600)])

  test.each([1, 7, 160, 1000, 20_000])("finds the same turn in pieces of %d bytes", (size) => {
    const detector = new SpeechDetector(settings)
    const changes = []
    for (let at = 0; at < turn.length; at += size)
      changes.push(...detector.push(turn.subarray(at, at + size)))
    expect(changes).toMatchObject([
      { type: "started", audioStartMs: 0 },
      { type: "stopped", audioEndMs: 1_300, speechMs: 600 },
    ])
  })

  test.each([
    ["silence", silence(2_000)],
    ["a click", Buffer.concat([silence(200), speech(40), silence(600)])],
    ["a faint hum", encodeMulaw(Int16Array.from({ length: 16_000 }, (_, at) => 300 * Math.sin(at / 20)))],
    ["nothing", new Uint8Array(0)],
  ])("finds none in %s", (_, audio) => expect(new SpeechDetector(settings).push(audio)).toEqual([]))

  test("keeps no more of an endless speech than 15 seconds", () => {
    const detector = new SpeechDetector(settings)
    detector.push(speech(20_000))
    const [stopped] = detector.push(silence(500))
    expect(stopped?.type === "stopped" && stopped.audio.length / 8).toBe(15_000)
  })
})

test("frames never arrive during a send, and none after the end", async () => {
  const heard: string[] = []
  const socket: RealtimeSocket = connectToEmbeddedServer({ prompts, sweep: clock.sweep })({
    opened: () => heard.push("opened"),
    text: (text) => heard.push(String(JSON.parse(text).type)),
    ponged: () => heard.push("ponged"),
    closed: ({ code }) => heard.push(`closed ${code}`),
  })
  expect(heard).toEqual([])
  await Promise.resolve()
  await Promise.resolve()
  expect(heard).toEqual(["opened", "session.created", "conversation.created"])
  socket.send(encodeSessionUpdate(SESSION, "e"))
  socket.close(1000, "")
  socket.terminate()
  socket.send(CLEAR)
  await Promise.resolve()
  expect(heard).toEqual(["opened", "session.created", "conversation.created", "closed 1000"])
})
