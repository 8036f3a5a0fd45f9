/** One media socket from its first frame to its last, with an engine that only takes notes. */

import { describe, expect, test } from "bun:test"
import type { Call } from "../../src/call/call.ts"
import { TOKEN_PARAMETER } from "../../src/call/ids.ts"
import type { ClaimCall } from "../../src/conversation/call-session.ts"
import { MediaSession, type MediaEngine } from "../../src/media/media-session.ts"
import { CallFixture } from "../conversation/call-fixture.ts"
import { settled } from "../fakes/scripted-model.ts"
import { SID } from "../relay/fixture.ts"

const STREAM = `MZ${"1".repeat(32)}`
const FORMAT = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 }
const connected = JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" })
const started = ({ callSid = SID.toString(), customParameters = {}, mediaFormat = FORMAT } = {}) =>
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
      mediaFormat,
    },
  })
const media = (payload: string) =>
  `{"event":"media","sequenceNumber":"4","streamSid":"${STREAM}","media":{"track":"inbound","chunk":"3","timestamp":"60","payload":"${payload}"}}`
const mark = JSON.stringify({ event: "mark", streamSid: STREAM, mark: { name: "1-1" } })
const dtmf = JSON.stringify({
  event: "dtmf",
  streamSid: STREAM,
  dtmf: { track: "inbound_track", digit: "5" },
})
const stop = JSON.stringify({ event: "stop", streamSid: STREAM })

class MediaFixture extends CallFixture {
  readonly closes: number[] = []
  readonly session: MediaSession
  /** What the engine was given. */
  readonly heard: string[] = []

  constructor({ claim }: { claim?: (call: Call) => ClaimCall } = {}) {
    super({ call: { engine: "realtime" } })
    this.session = new MediaSession({
      ...this.sessionParts,
      socket: {
        send: (text) => text.length,
        close: (code) => void this.closes.push(code),
      },
      call: claim?.(this.call) ?? this.call,
      openEngine: (_, stream, { streamSid }) => this.#engine(`${stream.streamSid} ${streamSid}`),
    })
  }

  static async live(): Promise<MediaFixture> {
    const fixture = new MediaFixture()
    fixture.receive(connected, started())
    await settled()
    fixture.heard.length = 0
    return fixture
  }

  receive(...frames: string[]): void {
    for (const text of frames) this.session.receive(text)
  }

  #engine(opened: string): MediaEngine {
    this.heard.push(`opened ${opened}`)
    return {
      callId: this.call.id,
      callerAudio: { hear: (payload) => void this.heard.push(payload) },
      reached: (name) => void this.heard.push(`mark ${name}`),
      dtmf: (digit) => void this.heard.push(`digit ${digit}`),
      isEnding: false,
      say() {},
      insert() {},
      sendFrame() {},
      change: () => ({ contextKey: "", manifestKey: "", listenMode: false, silenceDetection: false }),
      wrapUp() {},
      close: (code) => void this.closes.push(code),
      closed: (onSettled) => onSettled(),
    }
  }

  override [Symbol.dispose](): void {
    this.session.closed(1000, "")
    const left = this.clock.sweep.size
    super[Symbol.dispose]()
    expect({
      left,
      errors: this.clock.errors,
      liveCallCount: this.liveCalls.size,
      settling: this.liveCalls.settling,
    }).toEqual({ left: 0, errors: [], liveCallCount: 0, settling: 0 })
  }
}

describe("the opening of a stream", () => {
  test("nothing is heard before the start; what comes while it opens waits and comes in order", async () => {
    using s = new MediaFixture()
    s.receive(media("AAAA"), connected, "{", started(), media("BBBB"), mark, dtmf, media("CCCC"))
    expect(s.log.lines.filter((line) => line.startsWith("warn"))).toHaveLength(2)
    expect(s.heard).toEqual([])
    await settled()
    s.receive(media("DDDD"))
    expect(s.heard).toEqual([`opened ${STREAM} ${STREAM}`, "BBBB", "mark 1-1", "digit 5", "CCCC", "DDDD"])
    expect(s.events.filter(({ type }) => type === "session.opened")).toEqual([
      { type: "session.opened", engine: "realtime", sessionId: STREAM, resume: 0 },
    ])
  })

  test("ten seconds of audio may wait, and no more than that by much", async () => {
    using patient = new MediaFixture()
    using flooded = new MediaFixture()
    for (const s of [patient, flooded]) s.receive(connected, started())
    for (let frame = 0; frame < 500; frame++) patient.receive(media("x".repeat(216)))
    for (let frame = 0; frame < 601; frame++) flooded.receive(media("AAAA"))
    await settled()
    expect({ closes: patient.closes, heardCount: patient.heard.length }).toEqual({
      closes: [],
      heardCount: 501,
    })
    expect({ closes: flooded.closes, heard: flooded.heard }).toEqual({ closes: [1008], heard: [] })
  })

  test.each([
    ["another call", { callSid: `CA${"2".repeat(32)}` }, 4403],
    ["another format", { mediaFormat: { encoding: "audio/l16", sampleRate: 16_000, channels: 1 } }, 4400],
  ])("a stream of %s is refused", async (_, given, code) => {
    using s = new MediaFixture()
    s.receive(connected, started(given), media("AAAA"))
    await settled()
    expect({ closes: s.closes, liveCallCount: s.liveCalls.size, heard: s.heard }).toEqual({
      closes: [code],
      liveCallCount: 0,
      heard: [],
    })
  })

  test("a socket that never starts is closed", () => {
    using s = new MediaFixture()
    s.receive(connected)
    s.clock.advance(10_000)
    expect(s.closes).toEqual([4408])
  })

  test.each([
    ["right", []],
    ["wrong", [4403]],
  ])("at a fixed path the token %s decides", async (token, closes) => {
    const claim =
      (call: Call): ClaimCall =>
      ({ customParameters }) =>
        Promise.resolve(
          customParameters[TOKEN_PARAMETER] === "right"
            ? { ok: true, call }
            : { ok: false, reason: "unknown" },
        )
    using s = new MediaFixture({ claim })
    s.receive(started({ customParameters: { [TOKEN_PARAMETER]: token } }))
    await settled()
    expect(s.closes).toEqual(closes)
  })

  test("a second start and unknown frames change nothing", async () => {
    using s = await MediaFixture.live()
    s.receive(started(), connected, '{"event":"later"}', "")
    await settled()
    expect({ closes: s.closes, liveCallCount: s.liveCalls.size, heard: s.heard }).toEqual({
      closes: [],
      liveCallCount: 1,
      heard: [],
    })
  })
})

describe("the end of a stream", () => {
  test("a stream without audio for half a minute is closed", async () => {
    using s = await MediaFixture.live()
    s.receive(media("AAAA"))
    s.clock.advance(46_000)
    expect(s.closes).toContain(1011)
  })

  test("a stop reports that the caller left, once the socket is closed", async () => {
    using s = await MediaFixture.live()
    s.receive(stop)
    expect({ closes: s.closes, left: s.left }).toEqual({ closes: [1000], left: [] })
    s.session.closed(1005, "")
    expect(s.left).toEqual([s.call.id])
    expect(s.events.at(-1)).toMatchObject({ type: "session.closed", code: 1005 })
  })

  test("after it nothing is heard", async () => {
    using s = await MediaFixture.live()
    s.session.closed(1005, "")
    s.receive(media("AAAA"), mark, dtmf, stop)
    expect({ heard: s.heard, left: s.left }).toEqual({ heard: [], left: [] })
  })
})
