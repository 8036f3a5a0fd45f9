/** What a session of a call is given, in memory: records what is kept, published and reported. */

import type { Agent } from "../../src/assets/agent.ts"
import type { Call } from "../../src/call/call.ts"
import type { CallEvent } from "../../src/call/events.ts"
import { LiveCalls } from "../../src/call/live-calls.ts"
import type { IvrState } from "../../src/call/ivr-menu.ts"
import type { Recorder } from "../../src/call/recorder.ts"
import type { SessionEnd } from "../../src/call/session-end.ts"
import type { SessionStart } from "../../src/call/session-start.ts"
import type { Turn } from "../../src/call/turn.ts"
import type { Usage } from "../../src/call/usage.ts"
import type { CallContext } from "../../src/conversation/call-context.ts"
import type { CallLifecycle } from "../../src/conversation/call-lifecycle.ts"
import { builtinTools } from "../../src/tools/registry.ts"
import { TestClock } from "../lib/test-clock.ts"
import { notedLog, sampleCall, SampleAssets } from "../relay/fixture.ts"

export const CALL_TIMES = {
  setupMs: 10_000,
  firstTokenMs: 6_000,
  tokenGapMs: 8_000,
  waitPhraseMs: 2_500,
  toolMs: 10_000,
  digitsMs: 2_000,
}

export type CallFixtureOptions = {
  call?: Partial<Call>
  agent?: Partial<Agent>
  start?: SessionStart
  parameters?: Record<string, string>
  times?: Partial<typeof CALL_TIMES>
}

export class CallFixture implements Disposable {
  readonly clock = new TestClock()
  readonly log = notedLog()
  readonly liveCalls = new LiveCalls()
  readonly assets: SampleAssets
  readonly call: Call
  readonly events: CallEvent[] = []
  /** The last state of each turn. */
  readonly turns = new Map<string, Turn>()
  readonly usage: Usage[] = []
  /** Twilio's ids of the sessions that were opened. */
  readonly sessions: string[] = []
  /** Why sessions ended. */
  readonly ends: SessionEnd[] = []
  /** Resolves when the end of a session is stored. */
  recorded = Promise.resolve()
  /** Keys of context and manifest, for each agent that was reported. */
  readonly agents: string[] = []
  /** How far the call came in a phone menu. */
  readonly ivrStates: IvrState[] = []
  /** Calls whose caller was reported to have left. */
  readonly left: string[] = []
  readonly times: typeof CALL_TIMES
  flushes = 0
  /** Set by a test to fail, or to hold back, what is asked of the store. */
  sessionStart: CallLifecycle["sessionStart"]
  readonly #parameters: Record<string, string>
  readonly #start: SessionStart

  constructor(options: CallFixtureOptions = {}) {
    const { call = {}, agent = {}, start = { kind: "new" }, parameters = {}, times = {} } = options
    this.call = sampleCall(call)
    this.assets = new SampleAssets(agent)
    this.times = { ...CALL_TIMES, ...times }
    this.#start = start
    this.#parameters = parameters
    this.sessionStart = () => Promise.resolve(start)
  }

  readonly lifecycle: CallLifecycle = {
    sessionStart: (callId) => this.sessionStart(callId),
    smsSender: () => Promise.resolve(undefined),
    caller: () => Promise.resolve({ profile: undefined, opened() {} }),
    remember: () => undefined,
    opened: (_, sessionId) => void this.sessions.push(sessionId),
    agentChosen: (_, { context, manifest }) => void this.agents.push(`${context.key} ${manifest.key}`),
    ivrChanged: (_, state) => void this.ivrStates.push(state),
    ended: (_, { end }) => {
      this.ends.push(end)
      return this.recorded
    },
    callerLeft: (callId) => void this.left.push(callId),
    usage: (_, usage) => void this.usage.push(usage),
  }

  readonly recorder: Recorder = {
    turn: (turn) => void this.turns.set(turn.id, structuredClone(turn)),
    event: ({ event }) => void this.events.push(event),
    flush: () => void this.flushes++,
  }

  /** For an engine. */
  get context(): CallContext {
    return {
      call: this.call,
      parameters: this.#parameters,
      start: this.#start,
      assets: this.assets,
      toolsFor: () => builtinTools(),
      sms: undefined,
      lifecycle: this.lifecycle,
      keep: (turn) => this.recorder.turn(turn),
      publish: (event) => void this.events.push(event),
      times: this.times,
      sweep: this.clock.sweep,
      log: this.log,
    }
  }

  /** For a session. */
  get sessionParts() {
    const { assets, lifecycle, recorder, liveCalls, times, log } = this
    const toolsFor = ({ tools }: Agent["manifest"]) =>
      new Map([...builtinTools()].filter(([name]) => tools.some((tool) => tool.name === name)))
    return { assets, lifecycle, recorder, liveCalls, times, log, sweep: this.clock.sweep, toolsFor }
  }

  eventTypes(): string[] {
    return this.events.map(({ type }) => type)
  }

  /** `speaker: text` of each turn, with a dash where it was cut off. */
  get transcript(): string[] {
    return [...this.turns.values()]
      .filter(({ kind }) => kind !== "tool")
      .map(({ speaker, text, interrupted }) => `${speaker}: ${text}${interrupted ? " —" : ""}`)
  }

  [Symbol.dispose](): void {
    this.clock[Symbol.dispose]()
  }
}
