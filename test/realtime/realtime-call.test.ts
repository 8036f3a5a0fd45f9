/** A call on a media socket up to its end, with a speech-to-speech model that the test plays by hand. */

import { describe, expect, test } from "bun:test"
import { RealtimeSettings } from "../../src/assets/realtime-settings.ts"
import type { LiveCall } from "../../src/call/live-calls.ts"
import { MediaSession } from "../../src/media/media-session.ts"
import type { ConnectModel, RealtimeSocketEvents } from "../../src/realtime/connection/websocket.ts"
import { RealtimeCall } from "../../src/realtime/realtime-call.ts"
import { settled } from "../fakes/scripted-model.ts"
import { CallFixture, type CallFixtureOptions } from "../conversation/call-fixture.ts"
import { SID } from "../relay/fixture.ts"
import { textsIn } from "../lib/texts-in.ts"

type Json = Record<string, unknown>
const STREAM = `MZ${"1".repeat(32)}`
const connected = JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" })
const started = (callSid: string = SID, customParameters: Json = {}, mediaFormat?: Json) =>
  JSON.stringify({
    event: "start",
    sequenceNumber: "1",
    streamSid: STREAM,
    start: {
      streamSid: STREAM,
      accountSid: `AC${"1".repeat(32)}`,
      callSid,
      tracks: ["inbound"],
      customParameters,
      mediaFormat: mediaFormat ?? { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
    },
  })
const media = `{"event":"media","sequenceNumber":"4","streamSid":"${STREAM}","media":{"track":"inbound","chunk":"3","timestamp":"60","payload":"/////w=="}}`
const mediaFrame = (byte: number) => media.replace("/////w==", Buffer.alloc(160, byte).toString("base64"))
const audio = (ms: number) => Buffer.alloc(ms * 8, 0x20).toString("base64")

class RealtimeFixture extends CallFixture {
  readonly closes: number[] = []
  readonly session: MediaSession
  /** Frames to Twilio and to the model. */
  twilio: Json[] = []
  model: Json[] = []
  modelCloses = 0
  /** Connections to the model so far. */
  connections = 0
  #events: RealtimeSocketEvents | undefined
  #serial = 0

  constructor({ call = {}, ...given }: CallFixtureOptions = {}) {
    super({ ...given, call: { engine: "realtime", ...call } })
    const connect: ConnectModel = (events) => {
      this.#events = events
      this.connections += 1
      return {
        bufferedAmount: 0,
        send: (text) => void this.model.push(JSON.parse(text)),
        close: () => void this.modelCloses++,
        terminate: () => {},
      }
    }
    const services = {
      connectTo: () => connect,
      model: "gpt-realtime-2.1",
      transcribeModel: "gpt-transcribe",
      modelTimes: {
        modelConnectMs: 5_000,
        modelPingMs: 5_000,
        modelStallMs: 3_000,
        modelSilenceMs: 2_000,
      },
      tap: { hasListeners: () => false, inbound() {}, outbound() {} },
    }
    this.session = new MediaSession({
      ...this.sessionParts,
      socket: {
        send: (text) => this.twilio.push(JSON.parse(text)),
        close: (code) => void this.closes.push(code),
      },
      call: this.call,
      openEngine: (context, stream) => new RealtimeCall({ ...services, context, stream }),
    })
  }

  /** Up to a conversation whose model is not ready yet. */
  static async started(options?: CallFixtureOptions): Promise<RealtimeFixture> {
    const fixture = new RealtimeFixture(options)
    fixture.session.receive(connected)
    fixture.session.receive(started())
    await settled()
    return fixture
  }

  /** Up to a model that has accepted its settings, and its greeting said and heard. */
  static async greeted(options?: CallFixtureOptions): Promise<RealtimeFixture> {
    const fixture = await RealtimeFixture.started(options)
    fixture.ready()
    fixture.respond(
      [{ text: "Welcome.", ms: 200 }],
      fixture.model.find(({ type }) => type === "response.create"),
    )
    fixture.hearAll()
    fixture.twilio = []
    fixture.model = []
    return fixture
  }

  get live(): LiveCall {
    const [live] = this.liveCalls.all()
    if (!live) throw new Error("no call is live")
    return live
  }

  ready(): void {
    this.#events?.opened()
    const format = { format: { type: "audio/pcmu" } }
    this.emit("session.updated", { session: { audio: { input: format, output: format } } })
  }

  lose(): void {
    this.#events?.closed({ code: 1006, reason: "", opened: true, refusedStatus: null })
  }

  emit(type: string, fields: Json): void {
    this.#events?.text(JSON.stringify({ type, ...fields }))
  }

  /** A whole response; `create` is what asked for it. */
  respond(
    parts: ({ text: string; ms: number } | { call: string; arguments: string })[],
    create?: Json,
  ): void {
    const id = `resp_${++this.#serial}`
    const metadata = (create?.["response"] as Json | undefined)?.["metadata"] ?? null
    const response = { id, conversation_id: "conv_1", metadata }
    this.emit("response.created", { response: { ...response, status: "in_progress" } })
    for (const part of parts) {
      const itemId = `item_${++this.#serial}`
      const at = { response_id: id, item_id: itemId, content_index: 0 }
      if ("call" in part) {
        const item = {
          id: itemId,
          type: "function_call",
          name: part.call,
          call_id: `call_${this.#serial}`,
          arguments: part.arguments,
          status: "completed",
        }
        this.emit("response.output_item.done", { response_id: id, item })
        continue
      }
      const item = { id: itemId, type: "message", role: "assistant", status: "in_progress", content: [] }
      this.emit("conversation.item.added", { item, previous_item_id: null })
      this.emit("response.output_audio_transcript.delta", { ...at, delta: part.text })
      this.emit("response.output_audio.delta", { ...at, delta: audio(part.ms) })
    }
    const usage = { input_tokens: 20, output_tokens: 10 }
    this.emit("response.done", { response: { ...response, status: "completed", usage } })
  }

  /** Time passes until everything was played, and its marks come back. */
  hearAll(): void {
    this.clock.advance(10_000)
    for (const { event, mark } of this.twilio) {
      if (event === "mark") this.session.receive(JSON.stringify({ event: "mark", streamSid: STREAM, mark }))
    }
  }

  /** A turn of the caller up to the end of speech, and what the server says about it at once. */
  turn(itemId: string): void {
    this.emit("input_audio_buffer.speech_started", { item_id: itemId, audio_start_ms: 0 })
    this.emit("input_audio_buffer.speech_stopped", { item_id: itemId, audio_end_ms: 500 })
    this.emit("input_audio_buffer.committed", { item_id: itemId, previous_item_id: null })
  }

  heard(itemId: string, transcript: string): void {
    const type = "conversation.item.input_audio_transcription.completed"
    this.emit(type, { item_id: itemId, content_index: 0, transcript })
  }

  types(frames: Json[]): unknown[] {
    return frames.map(({ type, event }) => type ?? event)
  }

  get spoken(): string[] {
    return [...this.turns.values()]
      .filter(({ kind, text }) => kind === "speech" && text !== "")
      .map(({ speaker, text }) => `${speaker}: ${text}`)
  }

  override [Symbol.dispose](): void {
    this.session.closed(1000, "")
    this.clock.advance(3_000)
    const left = this.clock.sweep.size
    super[Symbol.dispose]()
    expect({ left, errors: this.clock.errors, liveCallCount: this.liveCalls.size }).toEqual({
      left: 0,
      errors: [],
      liveCallCount: 0,
    })
  }
}

describe("the end of a stream", () => {
  test("words of the caller that are recognised after a hang-up are kept", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.turn("item_c")
    fixture.session.closed(1005, "")
    expect({ liveCallCount: fixture.liveCalls.size, modelCloses: fixture.modelCloses }).toEqual({
      liveCallCount: 0,
      modelCloses: 0,
    })
    fixture.clock.advance(1_000)
    fixture.heard("item_c", "Good bye.")
    expect({ lastSpoken: fixture.spoken.at(-1), modelCloses: fixture.modelCloses }).toEqual({
      lastSpoken: "caller: Good bye.",
      modelCloses: 1,
    })
    expect(fixture.events.at(-1)).toMatchObject({ type: "caller.spoke", text: "Good bye." })
  })

  test("what the caller was saying at the hang-up is recognised, while the agent is stopped", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.emit("response.created", {
      response: { id: "resp_x", conversation_id: "c", status: "in_progress" },
    })
    fixture.emit("input_audio_buffer.speech_started", { item_id: "item_c", audio_start_ms: 0 })
    fixture.session.closed(1005, "")
    expect(fixture.types(fixture.model)).toEqual(["input_audio_buffer.commit", "response.cancel"])
    fixture.emit("error", { error: { type: "invalid_request_error", code: "response_cancel_not_active" } })
    fixture.emit("input_audio_buffer.speech_stopped", { item_id: "item_c", audio_end_ms: 500 })
    fixture.emit("input_audio_buffer.committed", { item_id: "item_c", previous_item_id: null })
    fixture.heard("item_c", "Good b")
    expect({ lastSpoken: fixture.spoken.at(-1), modelCloses: fixture.modelCloses }).toEqual({
      lastSpoken: "caller: Good b",
      modelCloses: 1,
    })
  })

  test("nothing is begun any more after a hang-up: no answer, no turn, no connection", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.respond([{ call: "switch-language", arguments: '{"ttsLanguage":"de-DE"}' }])
    fixture.turn("item_c")
    fixture.session.closed(1005, "")
    fixture.model = []
    await settled()
    const format = { format: { type: "audio/pcmu" } }
    const expiresAt = fixture.clock.now() / 1000 + 60
    fixture.emit("session.updated", {
      session: { expires_at: expiresAt, audio: { input: format, output: format } },
    })
    fixture.emit("response.created", {
      response: { id: "resp_y", conversation_id: "c", status: "in_progress" },
    })
    expect(fixture.types(fixture.model)).toEqual(["conversation.item.create", "response.cancel"])
    fixture.emit("input_audio_buffer.speech_started", { item_id: "item_d", audio_start_ms: 0 })
    fixture.heard("item_c", "Bye.")
    expect({ lastSpoken: fixture.spoken.at(-1), modelCloses: fixture.modelCloses }).toEqual({
      lastSpoken: "caller: Bye.",
      modelCloses: 1,
    })
    fixture.clock.advance(120_000)
    expect(fixture.types(fixture.model)).toEqual(["conversation.item.create", "response.cancel"])
  })

  test("the record of a call is settled when its last words have come", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.turn("item_c")
    expect(fixture.liveCalls.isSettled(fixture.call.id)).toBe(false)
    fixture.session.closed(1005, "")
    expect({
      isSettled: fixture.liveCalls.isSettled(fixture.call.id),
      settling: fixture.liveCalls.settling,
    }).toEqual({ isSettled: false, settling: 1 })
    fixture.heard("item_c", "Bye.")
    expect({
      isSettled: fixture.liveCalls.isSettled(fixture.call.id),
      settling: fixture.liveCalls.settling,
    }).toEqual({ isSettled: true, settling: 0 })
  })

  test("without transcription no words are waited for", async () => {
    using fixture = await RealtimeFixture.greeted({
      agent: { realtime: RealtimeSettings.parse({ transcription: null }) },
    })
    fixture.turn("item_c")
    fixture.session.closed(1005, "")
    expect({ modelCloses: fixture.modelCloses, settling: fixture.liveCalls.settling }).toEqual({
      modelCloses: 1,
      settling: 0,
    })
  })

  test.each([
    ["never come", () => {}],
    [
      "were none",
      (fixture: RealtimeFixture) =>
        fixture.emit("error", {
          error: { type: "invalid_request_error", code: "input_audio_buffer_commit_empty" },
        }),
    ],
  ])("last words that %s keep no connection, and a lost one makes no other", async (_, happens) => {
    using fixture = await RealtimeFixture.greeted()
    fixture.emit("input_audio_buffer.speech_started", { item_id: "item_c", audio_start_ms: 0 })
    fixture.session.closed(1005, "")
    happens(fixture)
    fixture.clock.advance(1_500)
    expect(fixture.modelCloses).toBe(1)
    using other = await RealtimeFixture.greeted()
    other.turn("item_c")
    other.session.closed(1005, "")
    other.lose()
    other.clock.advance(10_000)
    expect(other.types(other.model)).not.toContain("session.update")
  })

  test("what was not played when the caller hangs up was not heard", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.respond([{ text: "one two three four five six seven eight", ms: 4_000 }])
    fixture.clock.advance(1_000)
    fixture.session.closed(1005, "")
    expect(fixture.spoken.at(-1)).toBe("agent: one two")
  })
})

describe("the caller's turn", () => {
  test("while the server is about to answer, nothing else is asked for; then it is", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.emit("input_audio_buffer.speech_started", { item_id: "item_c", audio_start_ms: 0 })
    fixture.live.say("Your taxi is here.")
    fixture.emit("input_audio_buffer.speech_stopped", { item_id: "item_c", audio_end_ms: 500 })
    fixture.emit("input_audio_buffer.committed", { item_id: "item_c", previous_item_id: null })
    expect(fixture.model).toEqual([])
    fixture.respond([{ text: "I see.", ms: 200 }])
    expect(textsIn(fixture.model)).toContainEqual(expect.stringContaining("Your taxi is here."))
  })

  test("a caller who talks for long is not asked to wait, though something is to be said", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.emit("input_audio_buffer.speech_started", { item_id: "item_c", audio_start_ms: 0 })
    fixture.live.say("Your taxi is here.")
    for (let frame = 0; frame < 500; frame++) {
      fixture.session.receive(media)
      fixture.clock.advance(20)
    }
    expect({ types: fixture.types(fixture.twilio), modelCloses: fixture.modelCloses }).toEqual({
      types: [],
      modelCloses: 0,
    })
  })

  test("a server that does not answer holds nothing up", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.emit("input_audio_buffer.speech_started", { item_id: "item_c", audio_start_ms: 0 })
    fixture.live.say("Your taxi is here.")
    fixture.emit("input_audio_buffer.speech_stopped", { item_id: "item_c", audio_end_ms: 500 })
    fixture.clock.advance(999)
    expect(fixture.model).toEqual([])
    fixture.clock.advance(1)
    expect(fixture.types(fixture.model)).toEqual(["response.create"])
  })

  test("ends when the audio of it stops coming: the model is given silence", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.emit("input_audio_buffer.speech_started", { item_id: "item_c", audio_start_ms: 0 })
    for (let frame = 0; frame < 100; frame++) {
      fixture.session.receive(media)
      fixture.clock.advance(20)
    }
    expect(new Set(fixture.model.map(({ audio }) => audio))).toEqual(new Set(["/////w=="]))
    fixture.model = []
    fixture.clock.advance(1_500)
    expect(fixture.model[0]).toMatchObject({ audio: Buffer.alloc(8_000, 0xff).toString("base64") })
    fixture.emit("input_audio_buffer.speech_stopped", { item_id: "item_c", audio_end_ms: 2_500 })
    fixture.model = []
    fixture.clock.advance(1_500)
    expect(fixture.types(fixture.model)).not.toContain("input_audio_buffer.append")
  })
})

describe("a server that does not react to the caller", () => {
  /** The caller speaks for a second and is silent for `silentMs`, on a clock that runs along. */
  function speaks(fixture: RealtimeFixture, silentMs: number, { spokenMs = 1_000 } = {}): void {
    const frames = [
      ...Array<string>(spokenMs / 20).fill(mediaFrame(0x20)),
      ...Array<string>(silentMs / 20).fill(mediaFrame(0xff)),
    ]
    for (const text of frames) {
      fixture.session.receive(text)
      fixture.clock.advance(20)
    }
  }
  const failures = ({ events }: RealtimeFixture) =>
    events.flatMap((event) => (event.type === "model.failed" ? [event.message] : []))
  const LATE = "no reaction of the model to the caller's speech for 2000 ms"

  test("is replaced two seconds after the caller's speech, and the caller is asked to wait", async () => {
    using fixture = await RealtimeFixture.greeted()
    speaks(fixture, 1_900)
    expect({ failures: failures(fixture), connections: fixture.connections }).toEqual({
      failures: [],
      connections: 1,
    })
    speaks(fixture, 200, { spokenMs: 0 })
    expect({ failures: failures(fixture), connections: fixture.connections }).toEqual({
      failures: [LATE],
      connections: 2,
    })
    expect(fixture.types(fixture.twilio)).toContain("media")
    fixture.model = []
    fixture.ready()
    expect(fixture.types(fixture.model).slice(0, 3)).toEqual([
      "session.update",
      "conversation.item.create",
      "response.create",
    ])
    // The speech, the pause after it, and 320 ms from before.
    expect(
      fixture.types(fixture.model).filter((type) => type === "input_audio_buffer.append").length,
    ).toBeWithin(150, 170)
  })

  test.each<[string, (fixture: RealtimeFixture) => void]>([
    ["the caller's turn", (fixture) => fixture.turn("item_c")],
    ["a response", (fixture) => fixture.respond([{ text: "Yes?", ms: 200 }])],
  ])("stays when it reports %s in time", async (_, react) => {
    using fixture = await RealtimeFixture.greeted()
    speaks(fixture, 1_800)
    react(fixture)
    speaks(fixture, 3_000, { spokenMs: 0 })
    expect({ failures: failures(fixture), connections: fixture.connections }).toEqual({
      failures: [],
      connections: 1,
    })
  })

  test.each<[string, string, number]>([
    ["with the pause that ends a turn", "input_audio_buffer.speech_started", 2_500],
    ["with the turn in the conversation", "input_audio_buffer.speech_stopped", 2_000],
  ])("in the middle of a turn has as much time more: %s", async (_, type, waitMs) => {
    using fixture = await RealtimeFixture.greeted()
    fixture.emit("input_audio_buffer.speech_started", { item_id: "item_c", audio_start_ms: 0 })
    speaks(fixture, 100)
    if (type.endsWith("stopped")) fixture.emit(type, { item_id: "item_c", audio_end_ms: 1_000 })
    speaks(fixture, waitMs - 200, { spokenMs: 0 })
    expect(failures(fixture)).toEqual([])
    speaks(fixture, 400, { spokenMs: 0 })
    expect({ failures: failures(fixture), connections: fixture.connections }).toEqual({
      failures: [LATE],
      connections: 2,
    })
  })

  test("is not suspected while the agent is heard: the caller's words may be an echo", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.respond([{ text: "A long story.", ms: 9_000 }])
    speaks(fixture, 4_000)
    expect({ failures: failures(fixture), connections: fixture.connections }).toEqual({
      failures: [],
      connections: 1,
    })
  })

  test("is not suspected of missing the same noise twice", async () => {
    using fixture = await RealtimeFixture.greeted()
    const noise = () => {
      for (const byte of [...Array<number>(40).fill(0xc7), ...Array<number>(150).fill(0xff)]) {
        fixture.session.receive(mediaFrame(byte))
        fixture.clock.advance(20)
      }
    }
    noise()
    expect(fixture.connections).toBe(2)
    fixture.ready()
    fixture.respond(
      [{ text: "Are you still there?", ms: 200 }],
      fixture.model.findLast(({ type }) => type === "response.create"),
    )
    fixture.hearAll()
    noise()
    expect({ failures: failures(fixture), connections: fixture.connections }).toEqual({
      failures: [LATE],
      connections: 2,
    })
  })

  test("is not waited for after the call", async () => {
    using fixture = await RealtimeFixture.greeted()
    speaks(fixture, 1_000)
    fixture.session.closed(1005, "")
    fixture.clock.advance(10_000)
    expect(fixture.connections).toBe(1)
  })
})

describe("what others may do", () => {
  test("a line is said by the model and becomes a turn", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.live.say("Your taxi is here.")
    const create = fixture.model.find(({ type }) => type === "response.create")
    expect(textsIn(create)).toContainEqual(expect.stringContaining("Your taxi is here."))
    fixture.respond([{ text: "Your taxi is here.", ms: 300 }], create)
    fixture.hearAll()
    expect(fixture.spoken.at(-1)).toBe("agent: Your taxi is here.")
  })

  test("frames of its own protocol it has none", async () => {
    using fixture = await RealtimeFixture.greeted()
    expect(() => fixture.live.sendFrame({ type: "text" })).toThrow("takes no frames")
  })

  test("a message is put in, and answered where that is wanted", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.live.insert({ role: "system", text: "It rains.", respond: false })
    expect(fixture.types(fixture.model)).toEqual(["conversation.item.create"])
    fixture.live.insert({ role: "user", text: "Is it raining?", respond: true })
    expect(fixture.types(fixture.model)).toEqual([
      "conversation.item.create",
      "conversation.item.create",
      "response.create",
    ])
  })

  test("in listen mode nothing is heard, and the model knows it", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.live.change({ listenMode: true })
    fixture.respond([{ text: "This is not heard.", ms: 300 }])
    expect(fixture.types(fixture.twilio)).toEqual([])
    expect(fixture.model).toMatchObject([{ type: "conversation.item.truncate", audio_end_ms: 0 }])
    expect(fixture.spoken).toEqual(["agent: Welcome."])
  })

  test("a new context reaches the model at once, and a reset empties its memory", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.live.change({ contextKey: "polite", reset: true })
    expect(fixture.types(fixture.model)).toEqual(["session.update", "conversation.item.delete"])
    expect(textsIn(fixture.model[0])).toContainEqual(expect.stringContaining("Be polite."))
  })

  test("last words are heard before the session ends, with its reason", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.live.wrapUp("We have run out of time.", { reason: "time-limit", detail: "too long" })
    const create = fixture.model.find(({ type }) => type === "response.create")
    fixture.respond([{ text: "We have run out of time.", ms: 500 }], create)
    expect(fixture.closes).toEqual([])
    fixture.hearAll()
    await settled()
    expect(fixture.closes).toEqual([1000])
    expect(fixture.ends).toEqual([{ reason: "time-limit", detail: "too long" }])
  })

  test("the stream stays open until the reason is recorded, and closes though that failed", async () => {
    for (const outcome of ["recorded", "failed"]) {
      using fixture = await RealtimeFixture.greeted()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      fixture.recorded = promise
      fixture.live.wrapUp("", { reason: "api", detail: "over" })
      await settled()
      expect({ endCount: fixture.ends.length, closes: fixture.closes }).toEqual({ endCount: 1, closes: [] })
      if (outcome === "recorded") resolve()
      else reject(new Error("locked"))
      await settled()
      expect(fixture.closes).toEqual([1000])
    }
  })

  test("a model that does not say the last words does not keep the call", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.live.wrapUp("Goodbye.", { reason: "api", detail: "" })
    fixture.clock.advance(15_000)
    await settled()
    expect(fixture.closes.at(0)).toBe(1000)
  })
})

test("an item that was heard whole is not cut when the caller speaks, though its answer continues", async () => {
  using fixture = await RealtimeFixture.greeted()
  const at = { response_id: "resp_x", item_id: "item_x", content_index: 0 }
  const item = { id: "item_x", type: "message", role: "assistant", status: "completed", content: [] }
  fixture.emit("response.created", {
    response: { id: "resp_x", conversation_id: "c", status: "in_progress" },
  })
  fixture.emit("conversation.item.added", { item, previous_item_id: null })
  fixture.emit("response.output_audio_transcript.delta", { ...at, delta: "Let me look." })
  fixture.emit("response.output_audio.delta", { ...at, delta: audio(300) })
  fixture.emit("response.output_item.done", { response_id: "resp_x", item })
  fixture.clock.advance(300)
  for (const { event, mark } of fixture.twilio)
    if (event === "mark") fixture.session.receive(JSON.stringify({ event: "mark", streamSid: STREAM, mark }))
  fixture.emit("input_audio_buffer.speech_started", { item_id: "item_c", audio_start_ms: 0 })
  expect(fixture.types(fixture.model)).not.toContain("conversation.item.truncate")
  expect(fixture.events.findLast(({ type }) => type === "agent.spoke")).toMatchObject({
    text: "Let me look.",
    interrupted: false,
  })
})

describe("a lost connection", () => {
  test("is replaced however long the call has lasted, though no answer was ever complete", async () => {
    using fixture = await RealtimeFixture.started()
    fixture.ready()
    fixture.clock.advance(5_900)
    fixture.emit("response.created", {
      response: { id: "resp_x", conversation_id: "c", status: "in_progress" },
    })
    fixture.clock.advance(5_000)
    fixture.model = []
    fixture.lose()
    fixture.ready()
    expect(fixture.types(fixture.model)).toContain("session.update")
    expect(fixture.closes).toEqual([])
  })

  test("keeps no result of a tool from being answered", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.respond([{ call: "switch-language", arguments: '{"ttsLanguage":"de-DE"}' }])
    fixture.lose()
    await settled()
    fixture.model = []
    fixture.ready()
    const types = fixture.types(fixture.model)
    expect(types.filter((type) => type === "response.create")).toHaveLength(1)
    expect(textsIn(fixture.model)).toContainEqual(expect.stringContaining("function_call_output"))
  })
})

describe("first words", () => {
  test("have their placeholders filled from the parameters of the call", async () => {
    using fixture = await RealtimeFixture.started({
      call: { firstMessage: "Good day {firstname}.", parameters: { firstname: "Ada" } },
    })
    fixture.ready()
    expect(textsIn(fixture.model)).toContainEqual(expect.stringContaining("Good day Ada."))
  })
})

describe("tools", () => {
  test("each call has exactly one output, and one answer follows them all", async () => {
    using fixture = await RealtimeFixture.greeted()
    fixture.respond([
      { call: "play-media", arguments: '{"source":"https://example.com/a.mp3"}' },
      { call: "switch-language", arguments: '{"ttsLanguage":"de-DE"}' },
    ])
    await settled()
    const outputs = fixture.model.filter(({ type }) => type === "conversation.item.create")
    expect(outputs).toMatchObject([{ item: { call_id: "call_4" } }, { item: { call_id: "call_5" } }])
    expect(textsIn(outputs[0])).toContainEqual(expect.stringContaining("NOT_AVAILABLE"))
    expect(textsIn(fixture.model.find(({ type }) => type === "session.update"))).toContainEqual(
      expect.stringContaining("de-DE"),
    )
    // The answer waits until the server has confirmed the language.
    expect(fixture.model.filter(({ type }) => type === "response.create")).toHaveLength(0)
    fixture.emit("session.updated", { session: {} })
    expect(fixture.model.filter(({ type }) => type === "response.create")).toHaveLength(1)
  })

  test("a call that was cut off is not run", async () => {
    using fixture = await RealtimeFixture.greeted()
    const item = {
      id: "item_9",
      type: "function_call",
      name: "end-call",
      call_id: "c",
      arguments: "{",
      status: "incomplete",
    }
    fixture.emit("response.output_item.done", { response_id: "resp_9", item })
    await settled()
    expect({ model: fixture.model, closes: fixture.closes }).toEqual({ model: [], closes: [] })
  })
})

test("a caller who is silent is reminded by the model, and given up in the end", async () => {
  using fixture = await RealtimeFixture.greeted({
    agent: { silence: { enabled: true, secondsThreshold: 15, messages: ["Still there?"] } },
  })
  const keepAlive = () => fixture.session.receive(media)
  for (let second = 0; second < 7; second++) {
    keepAlive()
    fixture.clock.advance(1_000)
  }
  const create = fixture.model.find((frame) => JSON.stringify(frame).includes("Still there?"))
  expect(create).toBeDefined()
  fixture.respond([{ text: "Still there?", ms: 200 }], create)
  fixture.hearAll()
  keepAlive()
  fixture.clock.advance(8_000)
  expect(fixture.ends).toEqual([{ reason: "silence", detail: "The caller was not speaking" }])
})

test("words of the caller that come after the answer fixture before it", async () => {
  using fixture = await RealtimeFixture.greeted()
  fixture.emit("input_audio_buffer.speech_started", { item_id: "item_u", audio_start_ms: 0 })
  fixture.emit("input_audio_buffer.speech_stopped", { item_id: "item_u", audio_end_ms: 900 })
  fixture.emit("input_audio_buffer.committed", { item_id: "item_u", previous_item_id: null })
  fixture.respond([{ text: "Nine.", ms: 200 }])
  fixture.hearAll()
  fixture.emit("conversation.item.input_audio_transcription.completed", {
    item_id: "item_u",
    transcript: "When?",
  })
  const bySeq = [...fixture.turns.values()].toSorted((a, b) => a.seq - b.seq).map(({ text }) => text)
  expect(bySeq).toEqual(["Welcome.", "When?", "Nine."])
})

test("what was used is kept after each answer", async () => {
  using fixture = await RealtimeFixture.greeted()
  expect(fixture.usage).toMatchObject([
    {
      kind: "realtime",
      model: "gpt-realtime-2.1",
      amounts: { responses: 1, inputTokens: 20, outputTokens: 10 },
    },
  ])
})

test("a barge-in happens in the same tick: clear, cut, truncate", async () => {
  using fixture = await RealtimeFixture.greeted()
  fixture.respond([
    { text: "one two three four", ms: 2_000 },
    { text: "five six", ms: 1_000 },
  ])
  fixture.twilio = []
  fixture.clock.advance(1_010)
  fixture.emit("input_audio_buffer.speech_started", { item_id: "item_u", audio_start_ms: 0 })
  expect(fixture.types(fixture.twilio)).toEqual(["clear"])
  expect(fixture.model).toMatchObject([
    { type: "conversation.item.truncate", item_id: "item_4", audio_end_ms: 1_010 },
    { type: "conversation.item.truncate", item_id: "item_5", audio_end_ms: 0 },
  ])
  expect(fixture.spoken).toEqual(["agent: Welcome.", "agent: one two"])
  fixture.emit("input_audio_buffer.speech_started", { item_id: "item_v", audio_start_ms: 0 })
  expect(fixture.types(fixture.twilio)).toEqual(["clear"])
})
