/** The agent of a call, whatever the engine: first words, listen mode, reminders, and what may change while it runs. */

import { describe, expect, test } from "bun:test"
import type { SessionStart } from "../../src/call/session-start.ts"
import { CallAgent } from "../../src/conversation/call-agent.ts"
import { CallFixture, type CallFixtureOptions } from "./call-fixture.ts"

class AgentFixture extends CallFixture {
  readonly output = { muted: false, quietAt: () => 0 }
  /** What the engine was asked to do. */
  readonly asked: string[] = []
  readonly agent: CallAgent

  constructor(options: CallFixtureOptions = {}) {
    super(options)
    this.agent = new CallAgent({
      context: this.context,
      facts: { sessionId: "VX1", callerName: null },
      output: this.output,
      engine: {
        busy: () => false,
        greet: (text) => void this.asked.push(`greet ${text}`),
        say: (text) => void this.asked.push(`say ${text}`),
        insert: ({ role, text, respond }) => void this.asked.push(`insert ${role} ${text} ${respond}`),
        forget: () => void this.asked.push("forget"),
        promptChanged: () => void this.asked.push("prompt changed"),
        wrapUp: (text, { reason }) => void this.asked.push(`wrap up ${text}${reason}`),
      },
    })
  }

  override [Symbol.dispose](): void {
    this.agent.close()
    expect(this.clock.sweep.size).toBe(0)
    super[Symbol.dispose]()
  }
}

const NOTE = "The caller was to be handed to a person, but nobody took the call (busy)."

test.each([
  ["a new call is greeted", { kind: "new" }, ["greet Hello Ann."]],
  ["a resumed one is not", { kind: "resumed", turns: [] }, ["say Please go on."]],
  [
    "after a failed transfer caller and model are informed",
    { kind: "transfer-failed", turns: [], reason: "busy" },
    [`insert system ${NOTE} false`, "say There is no answer."],
  ],
] satisfies [string, SessionStart, string[]][])("%s", (_, start, expected) => {
  using s = new AgentFixture({ start, parameters: { name: "Ann" }, agent: { greeting: "Hello {name}." } })
  expect({ asked: s.asked, agents: s.agents }).toEqual({ asked: [], agents: [] })
  s.agent.start()
  expect(s.asked).toEqual(expected)
  expect(s.agents).toEqual(["default default"])
})

test.each([
  ["is the agent's own", {}, true, true],
  ["may be switched on by a parameter", { listenMode: "true" }, false, true],
  ["may be switched off by a parameter", { listenMode: "false" }, true, false],
  ["is off for any other value", { listenMode: "yes" }, true, false],
])("listen mode at the start %s", (_, parameters, listenMode, muted) => {
  using s = new AgentFixture({ parameters, agent: { listenMode } })
  expect(s.output.muted).toBe(muted)
})

describe("silence detection", () => {
  const silence = { enabled: true, secondsThreshold: 10, messages: ["One?"] }

  test("reminds a silent caller and gives up", () => {
    using s = new AgentFixture({ agent: { silence, greeting: "" } })
    s.agent.start()
    s.clock.advance(20_000)
    expect(s.asked).toEqual(["greet ", "say One?", "wrap up silence"])
  })

  test.each([
    ["before the start", () => {}],
    [
      "once the agent is closed, whatever a program changes",
      ({ agent }: AgentFixture) => {
        agent.start()
        agent.close()
        agent.change({ silenceDetection: true, listenMode: false })
      },
    ],
    [
      "while a tool has switched it off",
      ({ agent }: AgentFixture) => {
        agent.start()
        agent.update({ type: "set-silence-detection", enabled: false })
      },
    ],
    [
      "while the agent only listens",
      ({ agent }: AgentFixture) => {
        agent.start()
        agent.update({ type: "set-listen-mode", enabled: true })
      },
    ],
  ])("gives no reminder %s", (_, happens) => {
    using s = new AgentFixture({ agent: { silence, greeting: "" } })
    happens(s)
    s.asked.length = 0
    s.clock.advance(60_000)
    expect(s.asked).toEqual([])
  })

  test("starts over at each sign of life", () => {
    using s = new AgentFixture({ agent: { silence, greeting: "" } })
    s.agent.start()
    s.clock.advance(9_000)
    s.agent.resetSilence()
    s.clock.advance(9_999)
    expect(s.asked).toEqual(["greet "])
  })
})

describe("a change", () => {
  test("by a tool reaches the prompt, the records and the conversation", () => {
    using s = new AgentFixture({ call: { prompt: "Only for this call." } })
    s.agent.update({ type: "change-context", contextKey: "polite", summary: "Wants a table." })
    expect(s.agent.prompt().instructions).toStartWith("Be polite.")
    expect(s.agents).toEqual(["polite default"])
    expect(s.asked).toEqual([
      "prompt changed",
      "insert system You have taken over this conversation. What was said before, in short: Wants a table. false",
    ])
    expect(s.events).toEqual([
      {
        type: "agent.changed",
        contextKey: "polite",
        manifestKey: "default",
        listenMode: false,
        silenceDetection: false,
      },
    ])
  })

  test("by a program may clear what was said before", () => {
    using s = new AgentFixture()
    expect(s.agent.change({ manifestKey: "none", reset: true })).toMatchObject({ manifestKey: "none" })
    expect(s.asked).toEqual(["prompt changed", "forget"])
  })

  test("to an unknown key changes nothing", () => {
    using s = new AgentFixture()
    expect(() => s.agent.change({ contextKey: "polite", manifestKey: "all", listenMode: true })).toThrow(
      "there is no",
    )
    expect({ muted: s.output.muted, agents: s.agents, asked: s.asked }).toEqual({
      muted: false,
      agents: [],
      asked: [],
    })
    expect(s.agent.prompt().instructions).toStartWith("Be kind.")
  })
})
