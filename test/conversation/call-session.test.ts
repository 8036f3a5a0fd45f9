/** A socket from its first frame to its close: whose call it gets, what waits, and when it is refused. */

import { expect, test } from "bun:test"
import type { Call } from "../../src/call/call.ts"
import { TOKEN_PARAMETER } from "../../src/call/ids.ts"
import {
  CallSession,
  type Claimed,
  type FirstFrame,
  type SessionEngine,
} from "../../src/conversation/call-session.ts"
import { settled } from "../fakes/scripted-model.ts"
import { NotedSocket, sampleCall, SID } from "../relay/fixture.ts"
import { CallFixture } from "./call-fixture.ts"

const FIRST: FirstFrame = {
  callSid: SID,
  sessionId: "VX1",
  customParameters: { [TOKEN_PARAMETER]: "secret", city: "Bern" },
}

/** `claim`: what the first frame gets; without it the address of the socket has named the call. */
class SessionFixture extends CallFixture {
  readonly socket = new NotedSocket()
  readonly claimed = Promise.withResolvers<Claimed>()
  readonly delivered: string[] = []
  readonly parameters: Record<string, string>[] = []
  readonly session: CallSession<SessionEngine>
  /** Whether the socket was still open when the claim was answered. */
  wanted: (() => boolean) | undefined
  onSettled: (() => void) | undefined

  constructor({ claims = true }: { claims?: boolean } = {}) {
    super()
    this.session = new CallSession(
      {
        ...this.sessionParts,
        socket: this.socket,
        call: claims
          ? (_, isWanted) => {
              this.wanted = isWanted
              return this.claimed.promise
            }
          : this.call,
      },
      {
        firstFrame: "setup",
        waiting: { frames: 3, characters: 100 },
        deliver: (text) => {
          if (text === "faulty") throw new Error("a fault")
          this.delivered.push(text)
        },
      },
    )
  }

  open(first: Partial<FirstFrame> = {}): void {
    this.session.open({ ...FIRST, ...first }, ({ call, parameters }) => {
      this.parameters.push(parameters)
      return this.engine(call)
    })
  }

  async answer(claimed: Claimed): Promise<void> {
    this.claimed.resolve(claimed)
    await settled()
  }

  /** Only what the session touches. */
  engine({ id }: Call): SessionEngine {
    return {
      callId: id,
      isEnding: false,
      say() {},
      insert() {},
      sendFrame() {},
      change: () => ({ contextKey: "", manifestKey: "", listenMode: false, silenceDetection: false }),
      wrapUp() {},
      close: (code, reason) => this.socket.close(code, reason),
      closed: (onSettled) => void (this.onSettled = onSettled),
    }
  }

  get facts() {
    return { closes: this.socket.closes, deadlines: this.clock.sweep.size, live: this.liveCalls.size }
  }
}

test("frames wait until the call is claimed, and come in their order, a faulty one notwithstanding", async () => {
  using s = new SessionFixture()
  s.open()
  for (const text of ["one", "faulty", "two"]) s.session.wait(text)
  await settled()
  expect({ delivered: s.delivered, events: s.events }).toEqual({ delivered: [], events: [] })
  await s.answer({ ok: true, call: s.call })
  expect(s.delivered).toEqual(["one", "two"])
  expect(s.events).toEqual([{ type: "session.opened", engine: "relay", sessionId: "VX1", resume: 0 }])
  expect(s.facts).toEqual({ closes: [], deadlines: 0, live: 1 })
  expect(s.sessions).toEqual(["VX1"])
})

test("the parameters of the socket are laid over those of the call, without the token", async () => {
  using s = new SessionFixture()
  s.open()
  await s.answer({ ok: true, call: sampleCall({ parameters: { city: "Basel", table: "2" } }) })
  expect(s.parameters).toEqual([{ city: "Bern", table: "2" }])
})

test("a call that may not be had closes the socket", async () => {
  using s = new SessionFixture()
  s.open()
  await s.answer({ ok: false, reason: "the token is unknown" })
  expect(s.facts).toEqual({ closes: [{ code: 4403, reason: "the token is unknown" }], deadlines: 0, live: 0 })
  s.session.closed(4403, "")
  expect(s.events).toEqual([])
})

test("a socket of a call that has a session is closed, and the session stays", async () => {
  using s = new SessionFixture()
  const live = s.engine(s.call)
  s.liveCalls.add(live)
  s.open()
  await s.answer({ ok: true, call: s.call })
  const closes = [{ code: 4409, reason: "the call has another session" }]
  expect(s.facts).toEqual({ closes, deadlines: 0, live: 1 })
  expect([s.liveCalls.get(s.call.id), s.sessions]).toEqual([live, []])
})

test("a first frame of another call closes the socket", async () => {
  using s = new SessionFixture()
  s.open({ callSid: sampleCall().sid ?? SID })
  await s.answer({ ok: true, call: sampleCall({ sid: null }) })
  expect(s.facts.closes).toEqual([{ code: 4403, reason: "setup is of another call" }])
})

test.each([
  ["too many frames", ["1", "2", "3", "4"]],
  ["too many characters", ["x".repeat(101)]],
])("%s do not wait", async (_, frames) => {
  using s = new SessionFixture()
  s.open()
  for (const text of frames) s.session.wait(text)
  await s.answer({ ok: true, call: s.call })
  expect(s.facts).toEqual({
    closes: [{ code: 1008, reason: "too many frames before the session was open" }],
    deadlines: 0,
    live: 0,
  })
  expect(s.delivered).toEqual([])
})

test("without a first frame in time the socket is closed", () => {
  using s = new SessionFixture()
  s.clock.advance(10_000)
  expect(s.facts).toEqual({ closes: [{ code: 4408, reason: "no setup frame came" }], deadlines: 0, live: 0 })
})

test("an answer that takes too long is not waited for, and is ignored when it comes", async () => {
  using s = new SessionFixture()
  s.open()
  s.clock.advance(10_000)
  expect(s.wanted?.()).toBe(false)
  await s.answer({ ok: true, call: s.call })
  expect(s.facts.closes).toEqual([{ code: 4408, reason: "the call was not confirmed in time" }])
  expect(s.sessions).toEqual([])
})

test("a socket that closes meanwhile opens no session", async () => {
  using s = new SessionFixture()
  s.open()
  s.session.closed(1006, "")
  expect(s.wanted?.()).toBe(false)
  await s.answer({ ok: true, call: s.call })
  expect(s.facts).toEqual({ closes: [], deadlines: 0, live: 0 })
  expect({ events: s.events, sessions: s.sessions }).toEqual({ events: [], sessions: [] })
})

test("a store that fails closes the socket, so that Twilio asks for the next step", async () => {
  using s = new SessionFixture({ claims: false })
  s.sessionStart = () => Promise.reject(new Error("disk full"))
  s.open()
  await settled()
  expect(s.facts).toEqual({
    closes: [{ code: 1011, reason: "the session could not be opened" }],
    deadlines: 0,
    live: 0,
  })
})

test("an engine that fails to open closes the socket", async () => {
  using s = new SessionFixture({ claims: false })
  s.session.open(FIRST, () => {
    throw new Error("no such model")
  })
  await settled()
  expect(s.facts.closes).toEqual([{ code: 1011, reason: "the session could not be opened" }])
  s.session.closed(1011, "")
  expect(s.events).toEqual([
    { type: "session.opened", engine: "relay", sessionId: "VX1", resume: 0 },
    { type: "session.closed", code: 1011, reason: "the session could not be opened" },
  ])
})

test("an engine that fails when it is closed leaves a call that is settled, and a session that is closed", async () => {
  using s = new SessionFixture({ claims: false })
  s.session.open(FIRST, ({ call }) => ({
    ...s.engine(call),
    closed() {
      throw new Error("a fault")
    },
  }))
  await settled()
  s.session.closed(1000, "bye")
  expect(s.eventTypes()).toEqual(["session.opened", "session.closed"])
  expect({ ...s.facts, isSettled: s.liveCalls.isSettled(s.call.id) }).toEqual({
    closes: [],
    deadlines: 0,
    live: 0,
    isSettled: true,
  })
})

test("a socket that an engine loses with its first words is not live", async () => {
  using s = new SessionFixture({ claims: false })
  s.session.open(FIRST, ({ call }) => {
    s.session.closed(1006, "cannot keep up")
    return s.engine(call)
  })
  await settled()
  expect({ ...s.facts, settling: s.liveCalls.settling }).toEqual({
    closes: [],
    deadlines: 0,
    live: 0,
    settling: 1,
  })
  s.onSettled?.()
  expect(s.liveCalls.settling).toBe(0)
})

test("the record of a call is settled when the engine says so", async () => {
  using s = new SessionFixture({ claims: false })
  s.open()
  await settled()
  s.session.closed(1000, "bye")
  expect({
    liveCallCount: s.liveCalls.size,
    isSettled: s.liveCalls.isSettled(s.call.id),
    flushes: s.flushes,
  }).toEqual({ liveCallCount: 0, isSettled: false, flushes: 1 })
  s.onSettled?.()
  expect(s.liveCalls.isSettled(s.call.id)).toBe(true)
  expect(s.events.at(-1)).toEqual({ type: "session.closed", code: 1000, reason: "bye" })
  s.session.closed(1000, "again")
  expect(s.eventTypes()).toEqual(["session.opened", "session.closed"])
})

test.each([
  ["are events of a call that is known", false, 10],
  ["are only logged while no call is known", true, 0],
])("frames that make no sense %s, with a limit", (_, claims, events) => {
  using s = new SessionFixture({ claims })
  for (let n = 0; n < 50; n++) s.session.reject("no JSON")
  expect(s.events).toHaveLength(events)
  expect(s.log.lines).toEqual(Array<string>(10).fill("warn frame dropped: no JSON"))
})
