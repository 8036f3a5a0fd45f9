import { describe, expect, test } from "bun:test"
import {
  encodeAppend,
  encodeItemCreate,
  encodeResponseCreate,
  encodeTruncate,
} from "../../../src/realtime/protocol/client-events.ts"
import {
  addressOf,
  connectTo,
  type RealtimeSocket,
  type RealtimeSocketEvents,
} from "../../../src/realtime/connection/websocket.ts"
import { FakeRealtime, type FakeRealtimeOptions } from "../../fakes/fake-realtime.ts"
import { Gate } from "../../fakes/gate.ts"
import { ConnectionFixture, SESSION, withFields } from "./connection-fixture.ts"

const target = (fake: FakeRealtime) =>
  ({ provider: "openai", baseUrl: fake.baseUrl, apiKey: "sk-test", model: "gpt-realtime-2.1" }) as const

function open(fake: FakeRealtime, options = {}) {
  return new ConnectionFixture(connectTo(target(fake)), options)
}

async function connected(fake: FakeRealtime, options = {}) {
  const fixture = open(fake, options)
  const connection = await fake.nextConnection()
  await fixture.ready
  return { fixture, connection }
}

/** A socket that does nothing by itself. */
function still() {
  const sent: string[] = []
  const ends: string[] = []
  const pings: number[] = []
  let reported: RealtimeSocketEvents | undefined
  const socket = {
    bufferedAmount: 0,
    send: (text: string) => sent.push(text),
    ping: () => void pings.push(sent.length),
    close: (code: number) => ends.push(`close ${code}`),
    terminate: () => ends.push("terminate"),
  }
  const connect = (events: RealtimeSocketEvents): RealtimeSocket => {
    reported = events
    return socket
  }
  const say = (event: object) => reported?.text(JSON.stringify(event))
  const configure = () => {
    reported?.opened()
    const phone = { format: { type: "audio/pcmu" } }
    say({ type: "session.updated", session: { audio: { input: phone, output: phone } } })
  }
  return { connect, socket, sent, ends, pings, say, configure, events: () => reported! }
}

describe("the way to the model", () => {
  test.each([
    ["http becomes ws", "http://127.0.0.1:9/v1", "ws://127.0.0.1:9/v1/realtime?model=m"],
    ["https becomes wss", "https://api.openai.com/v1", "wss://api.openai.com/v1/realtime?model=m"],
    ["a slash at the end", "https://proxy.example/openai/", "wss://proxy.example/openai/realtime?model=m"],
  ])("%s", (_, baseUrl, url) => {
    expect(addressOf({ provider: "openai", baseUrl, model: "m" })).toEqual({ url, headers: {} })
  })

  test("the key and the caller's hash are headers", () => {
    const address = addressOf({
      provider: "openai",
      baseUrl: "https://api.openai.com/v1",
      apiKey: "sk-1",
      model: "a b",
      safetyId: "hash",
    })
    expect(address).toEqual({
      url: "wss://api.openai.com/v1/realtime?model=a+b",
      headers: { Authorization: "Bearer sk-1", "OpenAI-Safety-Identifier": "hash" },
    })
  })

  test.each([
    ["the current version", undefined, "wss://r.openai.azure.com/openai/v1/realtime?model=d"],
    ["by its name", "v1", "wss://r.openai.azure.com/openai/v1/realtime?model=d"],
    [
      "a dated version",
      "2025-04-01-preview",
      "wss://r.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=d",
    ],
  ])("Azure: %s, and the key only in a header", (_, version, url) => {
    for (const endpoint of ["https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1/"]) {
      const address = addressOf({ provider: "azure", endpoint, apiKey: "secret", deployment: "d", version })
      expect(address).toEqual({ url, headers: { "api-key": "secret" } })
    }
  })

  test("headers and address arrive at the server, and nothing of the beta protocol", async () => {
    await using fake = new FakeRealtime()
    using fixture = new ConnectionFixture(connectTo({ ...target(fake), safetyId: "hash" }))
    const { url, headers } = await fake.nextConnection()
    expect({ pathname: url.pathname, search: url.search }).toEqual({
      pathname: "/v1/realtime",
      search: "?model=gpt-realtime-2.1",
    })
    expect({
      authorization: headers.get("authorization"),
      openaiSafetyIdentifier: headers.get("openai-safety-identifier"),
    }).toEqual({ authorization: "Bearer sk-test", openaiSafetyIdentifier: "hash" })
    expect({
      openaiBeta: headers.get("openai-beta"),
      secWebsocketExtensions: headers.get("sec-websocket-extensions"),
    }).toEqual({ openaiBeta: null, secWebsocketExtensions: null })
    await fixture.ready
  })
})

describe("setting up", () => {
  test("the settings are the first frame, and their confirmation makes the connection ready, once", async () => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    expect(connection.received).toEqual([
      { type: "session.update", event_id: "session_1", session: JSON.parse(JSON.stringify(SESSION)) },
    ])
    expect(fixture.connection.update(SESSION)).toBe("session_2")
    await fixture.next("session-updated")
    await fixture.next("session-updated")
    expect({ readyCount: fixture.readyCount, isReady: fixture.connection.isReady }).toEqual({
      readyCount: 1,
      isReady: true,
    })
    expect(fixture.connection.expiresAt).toBe(fixture.clock.monotonic() + 3_600_000)
  })

  test("audio is only sent once the settings are accepted, and in order", async () => {
    await using fake = new FakeRealtime()
    using fixture = open(fake)
    fixture.connection.send(encodeAppend("AAAA"))
    const connection = await fake.nextConnection()
    await fixture.ready
    for (const payload of ["BBBB", "CCCC"]) fixture.connection.send(encodeAppend(payload))
    await connection.heard(2)
    expect({ audio: connection.audio, noise: connection.noise }).toEqual({
      audio: ["BBBB", "CCCC"],
      noise: [],
    })
  })

  test("history goes out before whatever is sent once the connection is ready", () => {
    const { connect, sent, configure } = still()
    const fixture: ConnectionFixture = new ConnectionFixture(connect, {
      prelude: [encodeItemCreate({ type: "message", role: "user", text: "Hi" })],
      onReady: () => {
        fixture.connection.send(encodeResponseCreate({}, "create_1"))
        fixture.connection.send(encodeAppend("AAAA"))
      },
    })
    using _ = fixture
    configure()
    expect(sent.map((text) => JSON.parse(text).type)).toEqual([
      "session.update",
      "conversation.item.create",
      "response.create",
      "input_audio_buffer.append",
    ])
  })

  test("frames for a connection that is not ready are refused", () => {
    const { connect, sent } = still()
    using fixture = new ConnectionFixture(connect)
    expect({ send: fixture.connection.send("{}"), update: fixture.connection.update(SESSION) }).toEqual({
      send: false,
      update: null,
    })
    expect(sent).toEqual([])
  })

  const pcm = { format: { type: "audio/pcm", rate: 24_000 } }
  const phone = { format: { type: "audio/pcmu" } }
  test.each([
    ["its own format", { audio: { input: pcm, output: pcm } }, "audio/pcm"],
    ["another format for what the agent says", { audio: { input: phone, output: pcm } }, "audio/pcm"],
    ["a format for one side only", { audio: { input: phone } }, "no format"],
    ["no format at all", {}, "no format"],
    ["its own format in words of the beta", { input_audio_format: "pcm16" }, "audio/pcm"],
  ])("a session that confirms %s is not used", (_, session, named) => {
    const { connect, events, say } = still()
    using fixture = new ConnectionFixture(connect)
    events().opened()
    say({ type: "session.updated", session })
    expect(fixture.failures).toMatchObject([
      {
        reason: "settings-refused",
        retryable: false,
        message: `the server must confirm audio/pcmu for input and output, its session has ${named}`,
      },
    ])
    expect(fixture.readyCount).toBe(0)
  })

  test.each([
    ["in words of the beta", { input_audio_format: "g711_ulaw", output_audio_format: "g711_ulaw" }],
    ["as plain names", { audio: { input: { format: "g711_ulaw" }, output: { format: "audio/pcmu" } } }],
  ])("a session that confirms the phone's format %s is used", (_, session) => {
    const { connect, events, say } = still()
    using fixture = new ConnectionFixture(connect)
    events().opened()
    say({ type: "session.updated", session })
    expect({ readyCount: fixture.readyCount, failures: fixture.failures }).toEqual({
      readyCount: 1,
      failures: [],
    })
  })
})

describe("failures on the way", () => {
  test.each([
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [429, true],
    [500, true],
    [503, true],
  ])("an upgrade refused with %d can be tried again: %p", async (status, retryable) => {
    await using fake = new FakeRealtime({ refuse: status })
    using fixture = open(fake)
    expect(await fixture.lost).toMatchObject({ reason: "refused", status, retryable })
  })

  test("no listener there", async () => {
    using fixture = new ConnectionFixture(
      connectTo({ provider: "openai", baseUrl: "http://127.0.0.1:1/v1", model: "m" }),
    )
    expect(await fixture.lost).toMatchObject({ reason: "unreachable", retryable: true, status: null })
  })

  test("a server that never answers is given up at the deadline", async () => {
    await using fake = new FakeRealtime({ neverAccept: true })
    using fixture = open(fake)
    fixture.clock.advance(4_999)
    expect(fixture.failures).toEqual([])
    fixture.clock.advance(1)
    expect(fixture.failures).toMatchObject([{ reason: "timeout", retryable: true }])
  })

  test("a server that never confirms the settings is given up at the deadline", async () => {
    await using fake = new FakeRealtime({ onUpdate: "stall" })
    using fixture = open(fake)
    const connection = await fake.nextConnection()
    await connection.next("session.update")
    fixture.clock.advance(5_000)
    expect(fixture.failures).toMatchObject([
      { reason: "timeout", message: "the settings were not confirmed" },
    ])
    await connection.closed
  })

  test.each([
    ["a fault of ours", { code: "invalid_value", message: "bad voice" }, false],
    ["a fault of the server", { code: "server_error", message: "oops", type: "server_error" }, true],
  ] as const satisfies readonly (readonly [string, FakeRealtimeOptions["onUpdate"], boolean])[])(
    "refused settings end the connection: %s",
    async (_, onUpdate, retryable) => {
      await using fake = new FakeRealtime({ onUpdate })
      using fixture = open(fake)
      fixture.connection.send(encodeAppend("AAAA"))
      expect(await fixture.lost).toEqual({
        reason: "settings-refused",
        retryable,
        status: null,
        code: onUpdate.code,
        message: onUpdate.message,
      })
      expect(fixture.events.map(({ type }) => type)).not.toContain("error")
    },
  )
})

describe("a running connection", () => {
  test("carries a whole answer: transcript, audio in pieces, the end", async () => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    await connection.respond({ parts: [{ say: "Good morning", ms: 500 }] })
    const done = await fixture.next("response-done")
    expect(done.response).toMatchObject({ status: "completed" })
    const audio = fixture.events.flatMap((event) => (event.type === "audio" ? [event.payload.length] : []))
    expect(audio).toEqual([2136, 2136, 1068])
    const words = fixture.events.flatMap((event) => (event.type === "transcript-delta" ? [event.delta] : []))
    expect(words.join("")).toBe("Good morning")
  })

  test("carries an answer that the caller interrupts", async () => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    const gate = new Gate()
    const running = connection.respond({ parts: [{ say: "A long story", ms: 10_000 }], pace: gate.pass })
    gate.open(2)
    await fixture.next("audio")
    const { itemId } = await fixture.next("audio")
    connection.speechStarted(1200)
    await running
    expect((await fixture.nextFrame("response.done"))["response"]).toMatchObject({
      status_details: { reason: "turn_detected" },
    })
    fixture.connection.send(encodeTruncate({ itemId, audioEndMs: 260 }))
    expect(await fixture.nextFrame("conversation.item.truncated")).toMatchObject({
      item_id: itemId,
      audio_end_ms: 260,
    })
    fixture.connection.send(withFields(encodeTruncate({ itemId, audioEndMs: 401 }), { event_id: "t" }))
    expect((await fixture.next("error")).error).toMatchObject({ code: "invalid_value", eventId: "t" })
    expect(fixture.connection.isReady).toBe(true)
  })

  test("survives garbage of every kind", async () => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      '{"type":7}',
      '{"type":"response.done"}',
      "\u0000",
      "x".repeat(200_000),
    ]) {
      connection.sendRaw(text)
    }
    connection.emit("some.new.event", { with: "fields" })
    connection.emit("input_audio_buffer.speech_started", { audio_start_ms: 5, item_id: "i" })
    expect(await fixture.next("speech-started")).toMatchObject({ itemId: "i" })
    expect(fixture.events.filter(({ type }) => type === "malformed" || type === "ignored")).toEqual([])
  })

  test("survives a mistake in what an event sets off", () => {
    const { connect, configure, say } = still()
    using fixture = new ConnectionFixture(connect, {
      onReady: () => {
        throw new Error("a mistake")
      },
    })
    configure()
    say({ type: "conversation.item.deleted", item_id: "i" })
    expect(fixture.events.at(-1)).toEqual({ type: "item-deleted", itemId: "i" })
  })

  test("gives up a connection that takes nothing at all", () => {
    const { connect, socket, ends, configure } = still()
    using fixture = new ConnectionFixture(connect)
    configure()
    socket.bufferedAmount = 5 * 1024 * 1024
    expect(fixture.connection.send("{}")).toBe(false)
    expect(fixture.failures).toMatchObject([{ reason: "stalled" }])
    expect(ends).toEqual(["terminate"])
  })
})

describe("a connection whose server is gone", () => {
  test("is kept while the server answers pings, whether or not it sends events", async () => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    connection.mute()
    for (let ping = 0; ping < 4; ping++) {
      const { ponged } = fixture
      fixture.clock.advance(5_000)
      await ponged
    }
    expect({ isReady: fixture.connection.isReady, failures: fixture.failures }).toEqual({
      isReady: true,
      failures: [],
    })
  })

  test("is kept while the server sends events, and answers no pings", () => {
    const { connect, configure, say, pings } = still()
    using fixture = new ConnectionFixture(connect)
    configure()
    for (let second = 0; second < 60; second++) {
      fixture.clock.advance(1_000)
      say({ type: "rate_limits.updated" })
    }
    expect({ pingCount: pings.length, failures: fixture.failures }).toEqual({ pingCount: 12, failures: [] })
  })

  test("is lost when two pings in a row are not answered", async () => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    connection.halfOpen()
    fixture.clock.advance(14_999)
    expect(fixture.failures).toEqual([])
    fixture.clock.advance(1)
    expect(fixture.failures).toEqual([
      { reason: "stalled", retryable: true, status: null, message: "no pong for 10000 ms" },
    ])
  })

  test("is lost when it takes none of the unsent data for three seconds", async () => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    connection.halfOpen()
    // The buffers of the network take a few megabytes.
    const audio = encodeAppend("A".repeat(512 * 1024))
    while (fixture.connection.socket.bufferedAmount === 0) fixture.connection.send(audio)
    fixture.clock.advance(4_000)
    expect(fixture.failures).toEqual([
      { reason: "stalled", retryable: true, status: null, message: "no data accepted for 3000 ms" },
    ])
  })
})

describe("the end", () => {
  test("after 60 minutes is reported as such, once, whether by error or by code", async () => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    connection.expire()
    expect(await fixture.lost).toMatchObject({ reason: "expired", retryable: true })
    await connection.closed
    const second = await connected(fake)
    using other = second.fixture
    second.connection.close(1001)
    expect(await other.lost).toMatchObject({ reason: "expired" })
    expect(fixture.failures).toHaveLength(1)
  })

  test.each(["closed", "dropped"] as const)("in mid-sentence is reported once: %s", async (ending) => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    await connection.respond({ parts: [{ say: "I am", ms: 400 }], ending })
    expect(await fixture.lost).toMatchObject({ reason: "closed", retryable: true })
    expect(fixture.connection.send("{}")).toBe(false)
    fixture.connection.send(encodeAppend("AAAA"))
    expect(fixture.failures).toHaveLength(1)
  })

  test("by us is not reported, and nothing is reported after it", async () => {
    await using fake = new FakeRealtime()
    const { fixture, connection } = await connected(fake)
    using _ = fixture
    fixture.connection.close()
    fixture.connection.close()
    connection.emit("conversation.item.deleted", { item_id: "i" })
    expect((await connection.closed).code).toBe(1000)
    expect(fixture.failures).toEqual([])
    expect(fixture.events.map(({ type }) => type)).not.toContain("item-deleted")
  })

  test("by us before the connection stands is final", async () => {
    await using fake = new FakeRealtime()
    using fixture = open(fake)
    fixture.connection.send(encodeAppend("AAAA"))
    fixture.connection.close()
    fixture.clock.advance(10_000)
    expect({ readyCount: fixture.readyCount, failures: fixture.failures }).toEqual({
      readyCount: 0,
      failures: [],
    })
  })

  test("is forced when the other side does not agree to close", () => {
    const { connect, ends, configure } = still()
    using fixture = new ConnectionFixture(connect)
    configure()
    fixture.connection.close()
    fixture.clock.advance(999)
    expect(ends).toEqual(["close 1000"])
    fixture.clock.advance(1)
    expect(ends).toEqual(["close 1000", "terminate"])
  })

  test("leaves no deadline behind", () => {
    const { connect, configure, events } = still()
    using fixture = new ConnectionFixture(connect)
    configure()
    fixture.connection.close()
    events().closed({ code: 1000, reason: "", opened: true, refusedStatus: null })
    expect(fixture.clock.sweep.size).toBe(0)
  })
})
