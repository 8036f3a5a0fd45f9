/** A call on ConversationRelay while it runs: what its agent says at first, what may be changed, and what holds then. */

import { describe, expect, test } from "bun:test"
import type { Call } from "../../src/call/call.ts"
import type { SessionStart } from "../../src/call/session-start.ts"
import { RelayCall } from "../../src/relay/relay-call.ts"
import { parseRelayFrame } from "../../src/twilio/relay-messages.ts"
import { CallFixture, type CallFixtureOptions } from "../conversation/call-fixture.ts"
import { ScriptedModel, settled } from "../fakes/scripted-model.ts"
import { sampleTurn } from "../store/fixture.ts"
import { frame, NotedSocket, sampleAgent, sampleCall } from "./fixture.ts"

const SILENCE = { enabled: true, secondsThreshold: 10, messages: ["One?", "Two?"] }

type Given = Omit<CallFixtureOptions, "start" | "times"> & { start?: (call: Call) => SessionStart }

class RelayCallFixture extends CallFixture {
  readonly socket = new NotedSocket()
  readonly model = new ScriptedModel()
  readonly relay: RelayCall

  constructor({ agent = {}, call = {}, start, ...given }: Given = {}) {
    const record = sampleCall(call)
    super({
      ...given,
      call: record,
      agent: { greeting: "", ...agent },
      ...(start ? { start: start(record) } : {}),
      times: { waitPhraseMs: 60_000 },
    })
    const setup = parseRelayFrame(frame.setup())
    if (!setup.ok || setup.frame.type !== "setup") throw new Error("no setup")
    const { context, socket } = this
    this.relay = new RelayCall({ context, setup: setup.frame, socket, modelFor: () => this.model })
  }

  twilio(text: string): this {
    const parsed = parseRelayFrame(text)
    if (!parsed.ok || parsed.frame.type === "setup") throw new Error("no such frame")
    this.relay.hear(parsed.frame)
    return this
  }

  heard(lang: string): this {
    return this.twilio(JSON.stringify({ type: "prompt", voicePrompt: "words", lang, last: true }))
  }

  get notes(): string[] {
    return [...this.turns.values()].filter(({ kind }) => kind === "note").map(({ text }) => text)
  }

  override [Symbol.dispose](): void {
    this.relay.closed(() => {})
    super[Symbol.dispose]()
  }
}

describe("the first words", () => {
  test("after a transfer that failed inform the caller and the model", () => {
    const turns = (call: Call) => [sampleTurn(call.id, { text: "Hello" })]
    using s = new RelayCallFixture({
      start: (call) => ({ kind: "transfer-failed", turns: turns(call), reason: "busy" }),
    })
    expect(s.socket.take()).toEqual(['text "There is no answer." last'])
    expect(s.notes).toEqual(["The caller was to be handed to a person, but nobody took the call (busy)."])
  })

  test("are not said where the agent only listens", () => {
    using s = new RelayCallFixture({
      agent: { listenMode: true },
      start: () => ({ kind: "resumed", turns: [] }),
    })
    expect(s.socket.take()).toEqual([])
  })
})

describe("listenMode as a parameter", () => {
  test.each([
    ["true", false, true],
    ["false", true, false],
    ["yes", true, false],
  ])("%p overrules the agent's %p", (listenMode, own, expected) => {
    using s = new RelayCallFixture({ agent: { listenMode: own }, parameters: { listenMode } })
    expect(s.relay.change({}).listenMode).toBe(expected)
  })
})

describe("silence", () => {
  test("counts from the end of the greeting that Twilio speaks", () => {
    // 30 characters take half a second and 1,980 ms.
    using s = new RelayCallFixture({ agent: { silence: SILENCE, greeting: "x".repeat(30) } })
    s.clock.advance(12_479)
    expect(s.socket.take()).toEqual([])
    s.clock.advance(1)
    expect(s.socket.take()).toEqual(['text "One?" last'])
  })

  test("Twilio's word on when the agent ceased to be heard moves the reminder", () => {
    using s = new RelayCallFixture({ agent: { silence: SILENCE, greeting: "x".repeat(300) } })
    s.twilio(frame.speaking(true))
    s.clock.advance(5000)
    s.twilio(frame.speaking(false))
    s.clock.advance(10_000)
    expect(s.socket.take()).toEqual(['text "One?" last'])
  })

  test("a line of a program restarts the row, after it was spoken", () => {
    using s = new RelayCallFixture({ agent: { silence: SILENCE } })
    s.clock.advance(15_000)
    s.relay.say("x".repeat(100))
    s.clock.advance(16_000)
    expect(s.socket.take()).toEqual(['text "One?" last', `text "${"x".repeat(100)}" last`])
    s.clock.advance(2000)
    expect(s.socket.take()).toEqual(['text "One?" last'])
  })

  test("goes with the session", () => {
    using s = new RelayCallFixture({ agent: { silence: SILENCE } })
    s.relay.closed(() => {})
    s.clock.advance(100_000)
    expect({ frames: s.socket.take(), deadlineCount: s.clock.sweep.size }).toEqual({
      frames: [],
      deadlineCount: 0,
    })
  })

  test("is not counted once the conversation is to end", () => {
    using s = new RelayCallFixture({ agent: { silence: SILENCE } })
    s.relay.wrapUp("x".repeat(300), { reason: "api", detail: "over" })
    s.clock.advance(60_000)
    expect(s.socket.take()).toEqual([
      `text "${"x".repeat(300)}" last`,
      'end {"reasonCode":"api","reason":"over"}',
    ])
  })

  test.each([
    ["silence detection off", { silenceDetection: false }],
    ["listen mode on", { listenMode: true }],
  ])("%s holds reminders back, and the opposite starts them from there", (_, off) => {
    using s = new RelayCallFixture({ agent: { silence: SILENCE } })
    s.clock.advance(9000)
    s.relay.change(off)
    s.clock.advance(60_000)
    s.relay.change({ silenceDetection: true, listenMode: false })
    s.clock.advance(9999)
    expect(s.socket.take()).toEqual([])
    s.clock.advance(1)
    expect(s.socket.take()).toEqual(['text "One?" last'])
  })

  test("listen mode off does not switch on what a program has switched off", () => {
    using s = new RelayCallFixture({ agent: { silence: SILENCE } })
    s.relay.change({ silenceDetection: false, listenMode: true })
    expect(s.relay.change({ listenMode: false })).toMatchObject({ silenceDetection: false })
    s.clock.advance(60_000)
    expect(s.socket.take()).toEqual([])
  })
})

describe("a change", () => {
  test("of the context takes the place of the instructions given with the call", async () => {
    using s = new RelayCallFixture({ call: { prompt: "Only for this call." } })
    s.relay.change({ manifestKey: "none" })
    s.heard("en")
    expect((await s.model.next()).request.instructions).toStartWith("Only for this call.")
    s.relay.change({ contextKey: "polite" })
    s.heard("en")
    expect((await s.model.next()).request.instructions).toStartWith("Be polite.")
    expect(s.agents).toEqual(["default default", "default none", "polite none"])
  })

  test.each([
    ["an unknown context beside a known manifest", { contextKey: "rude", manifestKey: "none" }],
    ["an unknown manifest beside a known context", { contextKey: "polite", manifestKey: "all" }],
  ])("with %s changes nothing", (_, change) => {
    using s = new RelayCallFixture()
    expect(() => s.relay.change({ ...change, listenMode: true })).toThrow("there is no")
    expect(s.relay.change({})).toEqual({
      contextKey: "default",
      manifestKey: "default",
      listenMode: false,
      silenceDetection: false,
    })
  })

  test("finds its keys also where the agent of the call is gone", () => {
    using s = new RelayCallFixture({ call: { agent: "gone" } })
    expect(s.relay.change({ contextKey: "polite" })).toMatchObject({ contextKey: "polite" })
  })
})

describe("a frame of a program", () => {
  test.each([
    ["nothing", undefined],
    ["another type", { type: "interrupt" }],
    ["keys that are none", { type: "sendDigits", digits: "abc" }],
    ["a language without a tag", { type: "language" }],
    ["an unknown field", { type: "text", token: "x", last: true, surprise: 1 }],
    ["a file that is no URL", { type: "play", source: "file:///etc/passwd" }],
    ["a private address", { type: "play", source: "http://10.0.0.1/a.mp3" }],
    ["the address of a cloud's metadata", { type: "play", source: "http://169.254.169.254/latest" }],
    ["a local name", { type: "play", source: "https://pbx.internal/a.mp3" }],
    ["too many keys", { type: "sendDigits", digits: "1".repeat(65) }],
    ["a text without an end", { type: "text", token: "x".repeat(20_001), last: true }],
    ["data without an end", { type: "end", handoffData: "x".repeat(8_001) }],
  ])("that is %s is refused", (_, given) => {
    using s = new RelayCallFixture()
    expect(() => s.relay.sendFrame(given)).toThrow("The frame is invalid")
    expect(s.socket.take()).toEqual([])
  })

  test("with words is part of what was said", () => {
    using s = new RelayCallFixture()
    s.relay.sendFrame({ type: "text", token: "Hold on.", last: true })
    expect([...s.turns.values()].map(({ speaker, text }) => [speaker, text])).toEqual([["agent", "Hold on."]])
  })

  test("that ends the session is the last one", () => {
    using s = new RelayCallFixture()
    s.relay.sendFrame({ type: "end", handoffData: "x" })
    s.relay.say("Too late")
    s.clock.advance(5000)
    expect(s.socket.take()).toEqual(["end x"])
    expect(s.socket.closes).toEqual([{ code: 1000, reason: "session ended" }])
  })
})

describe("languages", () => {
  const relay = {
    ...sampleAgent().relay,
    attributes: { transcriptionLanguage: "multi", ttsLanguage: "en-US" },
    languages: [{ code: "en-US" }, { code: "fr-FR" }],
  }
  const french = '{"type":"language","ttsLanguage":"fr-FR"}'

  test("are followed, and a frame of a program that chooses one ends that", () => {
    using s = new RelayCallFixture({ agent: { relay } })
    s.heard("fr")
    expect(s.socket.take()).toEqual([french])
    s.relay.sendFrame({ type: "language", ttsLanguage: "en-US" })
    s.socket.take()
    s.heard("fr").heard("fr")
    expect(s.socket.take()).toEqual([])
  })

  test("that are heard while the agent is muted are followed when it speaks again", () => {
    using s = new RelayCallFixture({ agent: { relay, listenMode: true } })
    s.heard("fr").heard("fr")
    expect(s.socket.take()).toEqual([])
    s.relay.change({ listenMode: false })
    s.heard("fr")
    expect(s.socket.take()).toEqual([french])
  })
})

test("an error that Twilio reports is an event, cut to 500 characters", async () => {
  using s = new RelayCallFixture()
  s.twilio(frame.error(`code: 64107 ${"x".repeat(1000)}`))
  await settled()
  expect(s.events).toEqual([{ type: "relay.failed", description: expect.stringMatching(/^code.{496}$/) }])
})
