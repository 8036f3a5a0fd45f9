/** One socket of Twilio's from its first frame to its last: what is heard, said, kept, and released. */

import { describe, expect, test } from "bun:test"
import { newCallId, TOKEN_PARAMETER } from "../../src/call/ids.ts"
import type { LiveCall } from "../../src/call/live-calls.ts"
import { RelayCall } from "../../src/relay/relay-call.ts"
import { RelaySession } from "../../src/relay/relay-session.ts"
import { CallFixture, type CallFixtureOptions } from "../conversation/call-fixture.ts"
import { ScriptedModel, settled } from "../fakes/scripted-model.ts"
import { sampleTurn } from "../store/fixture.ts"
import { frame, NotedSocket } from "./fixture.ts"
import { textsIn } from "../lib/texts-in.ts"

class RelaySessionFixture extends CallFixture {
  readonly socket = new NotedSocket()
  readonly model = new ScriptedModel()
  readonly session: RelaySession

  constructor(options: CallFixtureOptions = {}) {
    super(options)
    const { call, socket } = this
    this.session = new RelaySession({
      ...this.sessionParts,
      socket,
      call,
      openEngine: (context, _, setup) =>
        new RelayCall({ context, setup, socket, modelFor: () => this.model }),
    })
  }

  /** Frames from Twilio. */
  twilio(...frames: string[]): this {
    for (const text of frames) this.session.receive(text)
    return this
  }
}

describe("the first frame", () => {
  test("must be setup; what comes before is dropped, and then setup works", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.prompt("Hello"), "garbage", "[]", "", frame.setup())
    await settled()
    expect(s.eventTypes()).toEqual([
      "frame.rejected",
      "frame.rejected",
      "frame.rejected",
      "frame.rejected",
      "session.opened",
    ])
    expect(s.events[0]).toEqual({
      type: "frame.rejected",
      reason: "First frame was 'prompt', expected 'setup'",
    })
    expect(s.events.at(-1)).toEqual({
      type: "session.opened",
      engine: "relay",
      sessionId: `VX${"1".repeat(32)}`,
      resume: 0,
    })
    expect({ live: s.liveCalls.size, sessions: s.sessions }).toEqual({
      live: 1,
      sessions: [`VX${"1".repeat(32)}`],
    })
  })

  test("of another call closes the socket, and what follows is ignored", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup({ callSid: `CA${"2".repeat(32)}` }), frame.setup(), "garbage")
    await settled()
    s.clock.advance(60_000)
    s.session.closed(4403, "")
    expect(s.socket.closes).toEqual([{ code: 4403, reason: "setup is of another call" }])
    expect({ events: s.events, live: s.liveCalls.size, deadlines: s.clock.sweep.size }).toEqual({
      events: [],
      live: 0,
      deadlines: 0,
    })
  })

  test("must come in time", async () => {
    using s = new RelaySessionFixture()
    s.clock.advance(10_000)
    expect(s.socket.closes).toEqual([{ code: 4408, reason: "no setup frame came" }])
    s.twilio(frame.setup())
    await settled()
    expect(s.liveCalls.size).toBe(0)
  })

  test("comes once: a second setup changes nothing", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup(), frame.prompt("Hello"))
    const request = await s.model.next()
    s.twilio(frame.setup({ sessionId: `VX${"2".repeat(32)}` }))
    await request.end("Good day.")
    expect(s.sessions).toHaveLength(1)
    expect(s.socket.take()).toEqual(['text "Good day."', 'text "" last'])
    expect(s.log.lines).toContain("warn a second setup frame was ignored")
  })

  test("to a store that fails closes the socket, so that Twilio asks what to do", async () => {
    using s = new RelaySessionFixture()
    s.sessionStart = () => Promise.reject(new Error("disk full"))
    s.twilio(frame.setup())
    await settled()
    expect(s.socket.closes).toEqual([{ code: 1011, reason: "the session could not be opened" }])
    s.session.closed(1011, "")
    expect({ live: s.liveCalls.size, deadlines: s.clock.sweep.size }).toEqual({ live: 0, deadlines: 0 })
  })
})

describe("the greeting", () => {
  test("that Twilio speaks is in the history, and no frame is sent for it", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup(), frame.prompt("Hello"))
    const request = await s.model.next()
    expect(request.items).toEqual([
      { type: "message", role: "assistant", text: "Welcome to Acme. How can I help?" },
      { type: "message", role: "user", text: "Hello" },
    ])
    expect(s.socket.take()).toEqual([])
  })

  test.each([
    [
      "given with the call takes the place of the agent's",
      { firstMessage: "Hello Ann." },
      {},
      ["agent: Hello Ann."],
    ],
    [
      "is filled from the parameters, as in the TwiML",
      { firstMessage: "Hello {name}, {unknown}.", parameters: { name: "Ann" } },
      {},
      ["agent: Hello Ann, {unknown}."],
    ],
    ["given as empty means none", { firstMessage: "" }, {}, []],
    ["may be missing", {}, { greeting: "" }, []],
  ])("%s", async (_, call, agent, expected) => {
    using s = new RelaySessionFixture({ call, agent })
    s.twilio(frame.setup())
    await settled()
    expect(s.transcript).toEqual(expected)
  })

  test("is cut to what the caller heard of it", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup(), frame.interrupt("Welcome to", "460"))
    await settled()
    expect(s.transcript).toEqual(["agent: Welcome to —"])
  })
})

test("a call that was resumed continues with its history, one short line and no greeting", async () => {
  const id = newCallId()
  using s = new RelaySessionFixture({
    call: { id, resumes: 1 },
    start: {
      kind: "resumed",
      turns: [
        sampleTurn(id, { seq: 0, speaker: "agent", text: "Welcome!" }),
        sampleTurn(id, { seq: 1, text: "A table" }),
      ],
    },
  })
  s.twilio(frame.setup({ callStatus: "IN_PROGRESS" }))
  await settled()
  expect(s.socket.take()).toEqual(['text "Please go on." last'])
  expect(s.events[0]).toMatchObject({ type: "session.opened", resume: 1 })
  s.twilio(frame.prompt("For two"))
  const request = await s.model.next()
  expect(request.items.map((item) => (item.type === "message" ? item.text : item.type))).toEqual([
    "Welcome!",
    "A table",
    "Please go on.",
    "For two",
  ])
})

describe("what the model reads", () => {
  test("role, call and parameters, of which those of the socket win and the token is none", async () => {
    using s = new RelaySessionFixture({ call: { parameters: { a: "1", b: "2" } } })
    s.twilio(
      frame.setup({ callerName: "ANN", customParameters: { b: "3", [TOKEN_PARAMETER]: "secret" } }),
      frame.prompt("Hello"),
    )
    const { request } = await s.model.next()
    expect(request.instructions).toStartWith("Be kind.\n\n# This call")
    expect(JSON.parse(request.instructions.split("\n\n").at(-1) ?? "")).toMatchObject({
      callSid: s.call.sid,
      callerName: "ANN",
      callType: "PSTN",
      parameters: { a: "1", b: "3" },
    })
    expect(request.instructions).not.toContain("secret")
  })

  test("context and manifest that the parameters name", async () => {
    using s = new RelaySessionFixture()
    s.twilio(
      frame.setup({ customParameters: { contextKey: "polite", manifestKey: "none" } }),
      frame.prompt("Hello"),
    )
    const { request } = await s.model.next()
    expect(request.instructions).toStartWith("Be polite.")
    expect(request.tools).toEqual([])
  })

  test("keys that are unknown are left out, with a line in the log", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup({ customParameters: { contextKey: "rude" } }), frame.prompt("Hello"))
    const { request } = await s.model.next()
    expect(request.instructions).toStartWith("Be kind.")
    expect(s.log.lines).toContain("warn a key of the call is unknown; continuing without it")
  })
})

describe("frames", () => {
  test("partials are not answered; the finished prompt is, with its language", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup(), frame.prompt("I would", false), frame.prompt("I would like", false))
    await settled()
    expect(s.model.requests).toHaveLength(0)
    s.twilio(frame.prompt("I would like a table"))
    await s.model.next()
    expect(s.transcript.at(-1)).toBe("caller: I would like a table")
    expect(s.events.find(({ type }) => type === "caller.spoke")).toMatchObject({ lang: "en-US" })
  })

  test("that are malformed, unknown or wrong are dropped, and the next prompt is answered", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup())
    await settled()
    s.twilio(
      "",
      "null",
      "{",
      "[]",
      '{"type":1}',
      '{"type":"prompt"}',
      '{"type":"prompt","voicePrompt":5}',
      '{"type":"dtmf","digit":"12"}',
      '{"type":"constructor"}',
      '{"type":"somethingNew","x":1}',
      '{"type":"info","name":"configUpdated","value":{}}',
      '{"type":"info"}',
      frame.prompt("Hello"),
    )
    const request = await s.model.next()
    await request.end("Good day.")
    expect(s.socket.take()).toEqual(['text "Good day."', 'text "" last'])
  })

  test("that make no sense do not fill log and store", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup())
    await settled()
    for (let n = 0; n < 1000; n++) s.twilio("garbage")
    expect(s.eventTypes().filter((type) => type === "frame.rejected")).toHaveLength(20)
    expect(s.log.lines.filter((line) => line.startsWith("warn frame dropped"))).toHaveLength(20)
  })

  test("digits are collected and given to the model", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup(), frame.dtmf("4"), frame.dtmf("2"), frame.dtmf("#"))
    const request = await s.model.next()
    expect(request.items.at(-1)).toMatchObject({ text: "The caller pressed 42# on the keypad." })
  })

  test("errors of Twilio are kept, cut to a bearable length, and the call continues", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup(), frame.error(`code: 64107, ${"x".repeat(9000)}`), frame.prompt("Hello"))
    await settled()
    const failed = s.events.find((event) => event.type === "relay.failed")
    expect(failed?.type === "relay.failed" && failed.description).toHaveLength(500)
    await (await s.model.next()).end("Good day.")
    expect(s.transcript.at(-1)).toBe("agent: Good day.")
  })

  test("interrupt stops the words in the same tick and cuts the turn", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup(), frame.prompt("When?"))
    const request = await s.model.next()
    await request.say("Your booking is", " for Tuesday")
    s.twilio(frame.interrupt("Your booking is", "700"))
    await request.say(" at ten")
    expect(request.aborted).toBe(true)
    expect(s.socket.take()).toEqual(['text "Your booking is"', 'text " for Tuesday"'])
    expect(s.transcript.at(-1)).toBe("agent: Your booking is —")
  })

  test("a wait phrase goes out preemptible, and the answer takes its place", async () => {
    using s = new RelaySessionFixture({ agent: { greeting: "" } })
    s.twilio(frame.setup(), frame.prompt("When?"))
    const request = await s.model.next()
    s.clock.advance(2500)
    await request.end("On Tuesday.")
    expect(s.socket.take()).toEqual([
      'text "One moment." last preemptible',
      'text "On Tuesday."',
      'text "" last',
    ])
  })
})

describe("listen mode", () => {
  test.each([
    ["of the agent", { listenMode: true }, {}, true],
    ["of the call", {}, { listenMode: "true" }, true],
    ["of the call against the agent", { listenMode: true }, { listenMode: "false" }, false],
  ])("%s", async (_, agent, customParameters, muted) => {
    using s = new RelaySessionFixture({ agent })
    s.twilio(frame.setup({ customParameters }), frame.prompt("Press one"))
    const first = await s.model.next()
    await first.say("Pressing.")
    await first.call("send-dtmf", { dtmfDigit: "1" })
    await first.end("", { reason: "tool-calls" })
    await (await s.model.next()).end()
    expect(s.socket.take()).toEqual([
      ...(muted ? [] : ['text "Pressing."']),
      '{"type":"sendDigits","digits":"1"}',
      'text "" last',
    ])
  })
})

describe("the end", () => {
  test("by the agent: farewell, closing frame, and the end when the farewell was heard", async () => {
    using s = new RelaySessionFixture({ agent: { greeting: "" } })
    s.twilio(frame.setup(), frame.prompt("Bye"))
    const request = await s.model.next()
    await request.say("Goodbye!")
    await request.call("end-call", { conversationSummary: "all well" })
    await request.end("", { reason: "tool-calls" })
    expect(s.socket.take()).toEqual(['text "Goodbye!"', 'text "" last'])
    s.twilio(frame.speaking(true))
    s.clock.advance(3000)
    s.twilio(frame.speaking(false))
    const [end] = s.socket.frames
    expect(end?.type === "end" && JSON.parse(end.handoffData ?? "")).toEqual({
      reasonCode: "end-call",
      reason: "Ending the call",
      conversationSummary: "all well",
    })
    expect(s.model.requests).toHaveLength(1)
  })

  test("by the agent comes at once when the caller cuts the farewell off", async () => {
    using s = new RelaySessionFixture({ agent: { greeting: "" } })
    s.twilio(frame.setup(), frame.prompt("Bye"))
    const request = await s.model.next()
    await request.say("Goodbye and thank you!")
    await request.call("end-call")
    await request.end("", { reason: "tool-calls" })
    s.twilio(frame.speaking(true), frame.interrupt("Goodbye"))
    expect(s.socket.frames.at(-1)?.type).toBe("end")
    expect(s.transcript.at(-1)).toBe("agent: Goodbye —")
  })

  test("by the caller in the middle of an answer: the turn is cut to what was played, and all is released", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup(), frame.played("Welcome to Acme. How can I help?"), frame.prompt("When?"))
    const request = await s.model.next()
    await request.say("On Tuesday. At ten. Shall I")
    s.twilio(frame.played("On Tuesday."), frame.dtmf("1"))
    s.session.closed(1000, "Closing websocket session")
    expect(s.transcript).toEqual([
      "agent: Welcome to Acme. How can I help?",
      "caller: When?",
      "agent: On Tuesday. —",
      "caller: 1",
    ])
    expect(s.events.at(-1)).toEqual({
      type: "session.closed",
      code: 1000,
      reason: "Closing websocket session",
    })
    await settled()
    expect({
      aborted: request.aborted,
      live: s.liveCalls.size,
      deadlines: s.clock.sweep.size,
      flushes: s.flushes,
    }).toEqual({ aborted: true, live: 0, deadlines: 0, flushes: 1 })
    const { length } = s.events
    s.session.closed(1000, "again")
    s.twilio(frame.prompt("Hello"), "garbage")
    await settled()
    expect({ events: s.events.length, sent: s.model.requests.length }).toEqual({ events: length, sent: 1 })
  })

  test("before the setup leaves nothing behind", () => {
    using s = new RelaySessionFixture()
    s.session.closed(1006, "x".repeat(500))
    expect(s.clock.sweep.size).toBe(0)
    expect(s.events).toEqual([{ type: "session.closed", code: 1006, reason: "x".repeat(120) }])
  })

  test("from outside: last words, and then the end with the given reason", async () => {
    using s = new RelaySessionFixture({ agent: { greeting: "" } })
    s.twilio(frame.setup())
    await settled()
    s.liveCalls.get(s.call.id)?.say("A colleague listens.")
    s.liveCalls.get(s.call.id)?.wrapUp("Time is up.", { reason: "time-limit", detail: "too long" })
    s.clock.advance(20_000)
    expect(s.socket.take()).toEqual([
      'text "A colleague listens." last',
      'text "Time is up." last',
      'end {"reasonCode":"time-limit","reason":"too long"}',
    ])
  })

  test("a newer session of the call takes the place of this one", async () => {
    using s = new RelaySessionFixture()
    s.twilio(frame.setup())
    await settled()
    // Only what the list of live calls touches.
    const leave = s.liveCalls.add({ callId: s.call.id, close: () => {} } as unknown as LiveCall)
    expect(s.socket.closes).toEqual([{ code: 4409, reason: "replaced by a newer session" }])
    s.session.closed(4409, "")
    expect(s.liveCalls.size).toBe(1)
    leave()
    expect(s.liveCalls.size).toBe(0)
  })
})

test("a tool that the manifest does not declare is unknown, and the model learns so", async () => {
  using s = new RelaySessionFixture()
  s.twilio(frame.setup({ customParameters: { manifestKey: "none" } }), frame.prompt("Bye"))
  const request = await s.model.next()
  await request.call("end-call")
  await request.end("", { reason: "tool-calls" })
  const { items } = await s.model.next()
  expect(items.at(-1)).toMatchObject({ type: "tool-result" })
  expect(textsIn(items.at(-1))).toContainEqual(expect.stringContaining("UNKNOWN_TOOL"))
})

test("two sessions at once do not mix", async () => {
  using one = new RelaySessionFixture({ agent: { greeting: "One." } })
  using two = new RelaySessionFixture({ agent: { greeting: "Two." } })
  one.twilio(frame.setup(), frame.prompt("first"))
  two.twilio(frame.setup(), frame.prompt("second"))
  await (await two.model.next()).end("Answer two.")
  await (await one.model.next()).end("Answer one.")
  expect({ one: one.transcript, two: two.transcript }).toEqual({
    one: ["agent: One.", "caller: first", "agent: Answer one."],
    two: ["agent: Two.", "caller: second", "agent: Answer two."],
  })
})
