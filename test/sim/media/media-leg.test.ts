/** Twilio's end of a media stream: real frames, real-time playing, every way it ends, the recording of it. */

import { expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { decodeMulaw, encodeMulaw, MULAW_SILENCE, silence } from "../../../src/audio/mulaw.ts"
import { readWav, StereoWav } from "../../../src/audio/wav.ts"
import type { SimulatedTwilioOptions } from "../../../src/sim/simulated-twilio.ts"
import { fixture, type Peer, type Script } from "../fixture.ts"

const streamed =
  (attributes = "", after = "<Hangup/>", children = ""): Script =>
  ({ path }) =>
    path === "/status"
      ? new Response(null, { status: 204 })
      : path === "/next"
        ? "<Hangup/>"
        : `<Connect action="/never"><Stream url="wss://parley.test/media/t1" ${attributes}>${children}</Stream></Connect>${after}`

type Frame = { event: string; sequenceNumber: string; streamSid: string } & Record<string, never>

const event = (name: string) => (frame: Record<string, unknown>) => frame["event"] === name
const fill = (byte: number, ms: number) => new Uint8Array(ms * 8).fill(byte)

/** A call whose stream is open, with both ends of the socket and what a server does on it. */
async function talking(
  script = streamed(),
  options: Partial<SimulatedTwilioOptions> & { recordTo?: string } = {},
) {
  const { recordTo, ...account } = options
  const it = fixture(script, account)
  const call = it.twilio.call(recordTo === undefined ? {} : { recordTo })
  const peer = await it.server.peers.next()
  const start = (await peer.frames.next(event("start"))) as Frame
  const { streamSid } = start
  return {
    ...it,
    call,
    peer,
    start,
    streamSid,
    async play(audio: Uint8Array, mark?: string) {
      peer.send({ event: "media", streamSid, media: { payload: audio.toBase64() } })
      if (mark !== undefined) peer.send({ event: "mark", streamSid, mark: { name: mark } })
      await call.audio.frames.next(
        ({ from, event }) => from === "server" && event === (mark === undefined ? "media" : "mark"),
      )
    },
    async clear() {
      peer.send({ event: "clear", streamSid })
      await call.audio.frames.next(({ event }) => event === "clear")
    },
    async [Symbol.asyncDispose]() {
      await it[Symbol.asyncDispose]()
    },
  }
}

/** The payloads that came until `count` media frames are there. */
async function said(peer: Peer, count: number): Promise<Uint8Array> {
  const payloads: Uint8Array[] = []
  for await (const frame of peer.frames) {
    if (frame["event"] !== "media") continue
    payloads.push(Buffer.from((frame as { media: { payload: string } }).media.payload, "base64"))
    if (payloads.length === count) break
  }
  return Buffer.concat(payloads)
}

test("the handshake is signed for the bare address, and connected and start come first", async () => {
  const script: Script = () =>
    '<Connect><Stream url="wss://parley.test/media/t1?lost=1"><Parameter name="agent" value="a &amp; b"/></Stream></Connect>'
  await using it = await talking(script)
  const { streamSid, peer, start, call } = it
  expect({ path: peer.data.path, signed: peer.data.signed, status: call.status }).toEqual({
    path: "/media/t1",
    signed: true,
    status: "in-progress",
  })
  expect(peer.frames.all[0]).toEqual({ event: "connected", protocol: "Call", version: "1.0.0" })
  expect(start as unknown).toEqual({
    event: "start",
    sequenceNumber: "1",
    streamSid: expect.stringMatching(/^MZ[0-9a-f]{32}$/),
    start: {
      streamSid,
      accountSid: it.twilio.accountSid,
      callSid: call.callSid,
      tracks: ["inbound"],
      customParameters: { agent: "a & b" },
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8_000, channels: 1 },
    },
  })
})

test("fifty frames a second come without a break, silence where nothing is said", async () => {
  await using it = await talking()
  const voice = Uint8Array.from({ length: 400 }, (_, at) => at % 100)
  const done = it.call.stream?.say(voice)
  it.clock.advance(1_000)
  await done
  const heard = await said(it.peer, 50)
  expect([...heard]).toEqual([...voice, ...Array.from({ length: 7_600 }, () => MULAW_SILENCE)])
  const media = it.peer.frames.all.filter(event("media"))
  expect(media[2]).toEqual({
    event: "media",
    sequenceNumber: "4",
    streamSid: it.streamSid,
    media: { track: "inbound", chunk: "3", timestamp: "60", payload: expect.stringContaining("==") },
  })
})

test("a late visit sends every frame that is due, and no frame is early", async () => {
  await using it = await talking()
  it.clock.advance(19)
  const due = it.call.stream?.nowMs
  await it.clock.pass(86, 43)
  await said(it.peer, 5)
  it.call.hangup()
  const { streams } = await it.call.ended
  expect({ due, sent: streams[0]?.sent }).toEqual({ due: 19, sent: 5 })
})

test("time can run faster than real time", async () => {
  await using it = await talking(streamed(), { mediaSpeed: 10 })
  await it.play(fill(1, 1_000), "end")
  it.clock.advance(100)
  expect(await it.peer.frames.next(event("mark"))).toMatchObject({ mark: { name: "end" } })
  it.call.hangup()
  expect((await it.call.ended).streams[0]).toMatchObject({ sent: 50, seconds: 1, heardMs: 1_000 })
})

test("marks come back when their audio was played", async () => {
  await using it = await talking()
  await it.play(fill(1, 200), "first")
  await it.play(fill(2, 200), "second")
  it.clock.advance(199)
  expect(it.call.agentSpeaking).toBe(true)
  expect(it.call.audio.heard.count).toBe(0)
  it.clock.advance(1)
  expect(await it.peer.frames.next(event("mark"))).toMatchObject({
    event: "mark",
    streamSid: it.streamSid,
    mark: { name: "first" },
  })
  it.clock.advance(200)
  expect(await it.peer.frames.next(event("mark"))).toMatchObject({ mark: { name: "second" } })
  expect(it.call.agentSpeaking).toBe(false)
  expect(it.call.audio.heard.all.map(({ atMs, last }) => [atMs, last])).toEqual([
    [0, false],
    [200, true],
  ])
})

test("after a clear nothing of the old answer is heard, and all its marks come back at once", async () => {
  await using it = await talking()
  await it.play(fill(1, 500), "old-1")
  await it.play(fill(1, 500), "old-2")
  it.clock.advance(120)
  await it.clear()
  const marks = [await it.peer.frames.next(event("mark")), await it.peer.frames.next(event("mark"))]
  await it.play(fill(2, 100), "new")
  it.clock.advance(1_000)
  await it.peer.frames.next((frame) => event("mark")(frame) && JSON.stringify(frame).includes("new"))
  expect(marks.map((frame) => (frame as { mark?: unknown }).mark)).toEqual([
    { name: "old-1" },
    { name: "old-2" },
  ])
  expect(
    it.call.audio.heard.all.map(({ atMs, audio, complete }) => [atMs, audio[0], audio.length, complete]),
  ).toEqual([
    [0, 1, 960, false],
    [120, 2, 800, true],
  ])
})

test("keys are reported one by one", async () => {
  await using it = await talking()
  expect(it.call.press("1#")).toBe(2)
  const { streamSid } = it
  expect([await it.peer.frames.next(event("dtmf")), await it.peer.frames.next(event("dtmf"))]).toEqual([
    { event: "dtmf", sequenceNumber: "2", streamSid, dtmf: { track: "inbound_track", digit: "1" } },
    { event: "dtmf", sequenceNumber: "3", streamSid, dtmf: { track: "inbound_track", digit: "#" } },
  ])
})

test("a hang-up is reported by stop, then the socket closes; what was being played is cut", async () => {
  await using it = await talking()
  await it.play(fill(1, 500))
  it.clock.advance(100)
  const saying = it.call.stream?.say(fill(1, 5_000))
  it.call.hangup()
  await saying
  expect(await it.peer.frames.next(event("stop"))).toEqual({
    event: "stop",
    sequenceNumber: "7",
    streamSid: it.streamSid,
    stop: { accountSid: it.twilio.accountSid, callSid: it.call.callSid },
  })
  expect((await it.peer.closed.promise).code).toBe(1_000)
  const { streams, sockets, status, problems } = await it.call.ended
  expect({ sockets, status, problems }).toEqual({ sockets: 1, status: "completed", problems: [] })
  expect(streams).toEqual([
    { streamSid: it.streamSid, reason: "hang-up", seconds: 0, sent: 5, received: 1, heardMs: 100 },
  ])
})

test("when the server closes, the verb behind runs and no action is asked for", async () => {
  await using it = await talking(streamed("", "<Redirect>/next</Redirect>"))
  await it.play(fill(1, 500), "never")
  it.peer.close()
  await it.server.post("/next")
  const { streams, verbs, heard } = await it.call.ended
  expect({ verbs, reason: streams[0]?.reason, heard }).toEqual({
    verbs: ["Connect", "Redirect", "Hangup"],
    reason: "server-closed",
    heard: "",
  })
  expect(it.server.posts.all.map(({ path }) => path)).toEqual(["/twilio/voice", "/next"])
})

test("a broken network and new instructions end the stream, the first without a stop", async () => {
  await using broken = await talking(streamed("", "<Redirect>/next</Redirect>"))
  broken.call.dropSocket()
  await broken.server.post("/next")
  expect((await broken.call.ended).streams[0]?.reason).toBe("lost")
  expect((await broken.peer.closed.promise).code).toBe(1_006)
  await using reported = await talking()
  reported.call.redirect({ twiml: "<Response><Hangup/></Response>" })
  await reported.peer.frames.next(event("stop"))
  expect((await reported.call.ended).verbs).toEqual(["Connect", "Hangup"])
})

test.each([
  ["another track", 'track="both_tracks"', "31941"],
  ["no secure address", 'url="ws://parley.test/media"', "31920"],
  ["another host", 'url="wss://elsewhere.test/media"', "31920"],
  ["no address", 'url=""', "31920"],
])("a stream with %s fails, and the verb behind runs", async (_, attributes, number) => {
  const own = attributes.startsWith("url") ? attributes : `url="wss://parley.test/m" ${attributes}`
  await using it = fixture(() => `<Connect><Stream ${own}/></Connect><Hangup/>`)
  const { problems, verbs, streams, sockets } = await it.twilio.call().ended
  expect({ verbs, sockets, reason: streams[0]?.reason }).toEqual({
    verbs: ["Connect", "Hangup"],
    sockets: 0,
    reason: "failed",
  })
  expect(problems).toEqual([expect.stringContaining(number)])
})

test("a refused handshake fails the stream", async () => {
  await using it = fixture(streamed(), { refuseSockets: true })
  const { problems, streams } = await it.twilio.call().ended
  expect({ reason: streams[0]?.reason, problems }).toEqual({
    reason: "failed",
    problems: [expect.stringContaining("31920")],
  })
})

test("a parameter that is too long is a problem", async () => {
  await using it = await talking(
    streamed(
      "",
      "",
      `<Parameter name="long" value="${"x".repeat(496)}"/><Parameter name="fits" value="${"x".repeat(495)}"/>`,
    ),
  )
  it.call.hangup()
  expect((await it.call.ended).problems).toEqual([
    "the parameter long of <Stream> has 500 characters or more",
  ])
})

const payload = fill(1, 20).toBase64()
test.each([
  ["no JSON", () => "nonsense"],
  ["no stream", () => ({ event: "media", media: { payload } })],
  ["another stream", () => ({ event: "media", streamSid: "MZ0", media: { payload } })],
  [
    "audio that is not base64",
    (streamSid: string) => ({ event: "media", streamSid, media: { payload: "**" } }),
  ],
  ["a mark without a name", (streamSid: string) => ({ event: "mark", streamSid })],
  ["an unknown event", (streamSid: string) => ({ event: "hang-up", streamSid })],
])("a frame with %s is a problem and nothing else", async (_, frame) => {
  await using it = await talking()
  const text = frame(it.streamSid)
  it.peer.send(typeof text === "string" ? text : JSON.stringify(text))
  const { from } = await it.call.audio.frames.next(({ event }) => event === "invalid")
  await it.play(fill(1, 20), "still here")
  it.clock.advance(20)
  await it.peer.frames.next(event("mark"))
  it.call.hangup()
  const { problems } = await it.call.ended
  expect({ from, problems }).toEqual({
    from: "server",
    problems: [expect.stringContaining("cannot be read")],
  })
})

test("audio beyond ten minutes is dropped and reported once", async () => {
  await using it = await talking()
  for (let minute = 0; minute < 12; minute += 1) await it.play(fill(1, 60_000))
  it.call.hangup()
  const { problems, streams } = await it.call.ended
  expect({
    problemCount: problems.length,
    firstProblem: problems[0],
    received: streams[0]?.received,
  }).toEqual({ problemCount: 1, firstProblem: expect.stringContaining("31931"), received: 12 })
})

test("the status callback hears of the start and the end, in that order", async () => {
  await using it = await talking(streamed('statusCallback="/status" name="line"'))
  it.call.hangup()
  await it.call.ended
  const posts = it.server.posts.all.filter(({ path }) => path === "/status")
  expect(posts.map(({ form, signed }) => [form["StreamEvent"], form["StreamName"], signed])).toEqual([
    ["stream-started", "line", true],
    ["stream-stopped", "line", true],
  ])
  expect(Object.keys(posts[0]?.form ?? {})).toEqual([
    "AccountSid",
    "CallSid",
    "StreamSid",
    "StreamName",
    "StreamEvent",
    "Timestamp",
  ])
})

/** A WAV of one steady value, in stereo. */
function wav(samples: number, rateHz: number): Uint8Array {
  let bytes = new Uint8Array(0)
  const writer = new StereoWav(
    {
      writeAt: (piece, offset) => {
        const longer = new Uint8Array(Math.max(bytes.length, offset + piece.length))
        longer.set(bytes)
        longer.set(piece, offset)
        bytes = longer
      },
    },
    rateHz,
  )
  const track = new Int16Array(samples).fill(4_000)
  writer.append(track, track)
  writer.finish()
  return bytes
}

test.each([8_000, 24_000])(
  "the caller can speak from a WAV of %d Hz; one that is broken is refused",
  async (rateHz) => {
    await using it = await talking()
    const saying = it.call.stream?.say(wav(rateHz / 10, rateHz))
    it.clock.advance(100)
    await saying
    const loud = decodeMulaw(await said(it.peer, 5)).subarray(160, 640)
    expect(loud.every((sample) => Math.abs(sample - 4_000) < 200)).toBe(true)
    expect(() => it.call.stream?.say(wav(10, 8_000).subarray(0, 20))).toThrow(
      "the audio has a format that is cut short",
    )
  },
)

test("the recording has the caller on the left and what was heard on the right", async () => {
  const folder = await mkdtemp(join(tmpdir(), "parley-call-"))
  await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
  const recordTo = join(folder, "call.wav")
  const [left, right] = [
    encodeMulaw(Int16Array.of(4_000))[0] ?? 0,
    encodeMulaw(Int16Array.of(-8_000))[0] ?? 0,
  ]
  await using it = await talking(streamed(), { recordTo })
  const saying = it.call.stream?.say(fill(left, 100))
  it.clock.advance(50)
  await it.play(fill(right, 2_000))
  it.clock.advance(1_050)
  await saying
  await it.clear()
  it.clock.advance(100)
  it.call.hangup()
  await it.call.ended
  const bytes = await Bun.file(recordTo).bytes()
  const view = new DataView(bytes.buffer)
  const at = (ms: number) => [0, 2].map((side) => view.getInt16(44 + ms * 32 + side, true))
  const [said, heard] = [left, right].map((byte) => decodeMulaw(Uint8Array.of(byte))[0] ?? 0)
  expect([10, 60, 120, 1_090, 1_110].map(at)).toEqual([
    [said, 0],
    [said, heard],
    [0, heard],
    [0, heard],
    [0, 0],
  ] as number[][])
  expect(readWav(bytes).samples.length).toBe(9_600)
})

test("a call that says nothing on a stream is silent, and its words are not sent", async () => {
  await using it = await talking()
  expect({ say: it.call.say("hello"), interrupt: it.call.interrupt() }).toEqual({
    say: { delivered: false, cut: undefined },
    interrupt: undefined,
  })
  it.clock.advance(40)
  expect(Buffer.from(await said(it.peer, 2)).equals(silence(40))).toBe(true)
})

test("a hundred calls are moved by one deadline", async () => {
  await using it = fixture(streamed())
  for (let call = 0; call < 100; call++) it.twilio.call()
  const peers: Peer[] = []
  while (peers.length < 100) peers.push(await it.server.peers.next())
  await Promise.all(peers.map((peer) => peer.frames.next(event("start"))))
  it.clock.advance(200)
  await Promise.all(peers.map((peer) => said(peer, 10)))
  // Once they all speak, nothing of their opening waits any more.
  expect(it.clock.sweep.size).toBeLessThan(10)
})
