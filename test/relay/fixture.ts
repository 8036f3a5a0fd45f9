/** Agents, calls, frames and a socket, as the tests of the relay use them. */

import type { Agent, AgentChoice, Assets } from "../../src/assets/agent.ts"
import { callerRulesOf } from "../../src/assets/caller-rules.ts"
import { RealtimeSettings } from "../../src/assets/realtime-settings.ts"
import type { Call } from "../../src/call/call.ts"
import { CallSid, newCallId } from "../../src/call/ids.ts"
import { AppError } from "../../src/lib/errors.ts"
import type { Log } from "../../src/lib/log.ts"
import type { Socket } from "../../src/lib/socket.ts"
import { RelayOutbound } from "../../src/twilio/relay-messages.ts"

export const SID = CallSid.parse(`CA${"1".repeat(32)}`)

export function sampleAgent(given: Partial<Agent> = {}): Agent {
  return {
    key: "default",
    engine: "relay",
    context: { key: "default", version: "c1", text: "Be kind." },
    manifest: {
      key: "default",
      version: "m1",
      tools: ["end-call", "send-dtmf", "switch-language", "play-media"].map((name) => ({
        name,
        description: name,
        parameters: { type: "object" },
      })),
    },
    model: { provider: "auto" },
    greeting: "Welcome to Acme. How can I help?",
    relay: { attributes: {}, languages: [], parameters: {} },
    realtime: RealtimeSettings.parse({}),
    silence: { enabled: false, secondsThreshold: 20, messages: [] },
    listenMode: false,
    phrases: {
      wait: ["One moment."],
      apology: "Sorry.",
      lostThread: "Lost it.",
      resumed: "Please go on.",
      goodbye: "Goodbye.",
      timeUp: "Time is up.",
      busy: "All lines are busy.",
      transferring: "",
      acceptTransfer: "Press {key}.",
      transferFailed: "There is no answer.",
    },
    transfer: { timeoutSeconds: 20, onFailure: "agent" },
    callers: callerRulesOf({ shared: undefined, own: undefined, contexts: new Map() }),
    ...given,
  }
}

export function sampleCall(given: Partial<Call> = {}): Call {
  return {
    id: newCallId(),
    sid: SID,
    direction: "inbound",
    status: "in-progress",
    from: "+15550100001",
    to: "+15550100002",
    agent: "default",
    contextKey: null,
    contextVersion: null,
    manifestKey: null,
    manifestVersion: null,
    verifiedNumber: null,
    speechErrors: null,
    engine: "relay",
    parameters: {},
    prompt: null,
    firstMessage: null,
    ivrMenu: null,
    ivrState: null,
    userId: null,
    resumes: 0,
    sessionEnd: null,
    transfer: null,
    createdAt: 0,
    answeredAt: null,
    endedAt: null,
    durationSeconds: null,
    endedBy: null,
    endReason: null,
    ...given,
  }
}

/** Knows the agents `default` and `sales`, the contexts `default` and `polite`, and the manifests `default` and `none`. */
export class SampleAssets implements Assets {
  readonly asked: AgentChoice[] = []
  readonly #agent: Partial<Agent>

  constructor(agent: Partial<Agent> = {}) {
    this.#agent = agent
  }

  agentFor(choice: AgentChoice): Agent {
    this.asked.push(choice)
    const { agent = "default", contextKey, manifestKey } = choice
    const known = this.keys()
    for (const [key, keys] of [
      [agent, known.agents],
      [contextKey ?? "default", known.contexts],
      [manifestKey ?? "default", known.manifests],
    ] as const) {
      if (!keys.includes(key)) throw new AppError("INVALID_REQUEST", `there is no ${key}`)
    }
    const base = sampleAgent(this.#agent)
    return {
      ...base,
      key: agent,
      context: contextKey ? { key: contextKey, version: "c2", text: `Be ${contextKey}.` } : base.context,
      manifest: manifestKey ? { key: manifestKey, version: "m2", tools: [] } : base.manifest,
    }
  }

  ivrMenuFor(): undefined {}

  keys() {
    return { agents: ["default", "sales"], contexts: ["default", "polite"], manifests: ["default", "none"] }
  }

  menu(): undefined {}

  menuKeys(): string[] {
    return []
  }

  menuText(): undefined {}

  menuFor(): undefined {}

  refresh(): Promise<void> {
    return Promise.resolve()
  }
}

/** Keeps what it is sent, after a look whether Twilio would take it. */
export class NotedSocket implements Socket {
  readonly frames: RelayOutbound[] = []
  readonly closes: { code: number; reason: string }[] = []
  /** What the next `send` returns. */
  sendReturns = 1

  send(text: string): number {
    this.frames.push(RelayOutbound.parse(JSON.parse(text)))
    return this.sendReturns
  }

  close(code: number, reason: string): void {
    this.closes.push({ code, reason })
  }

  /** Everything since the last look, in short. */
  take(): string[] {
    return this.frames.splice(0).map((frame) => {
      switch (frame.type) {
        case "text":
          return `text ${JSON.stringify(frame.token)}${frame.last ? " last" : ""}${frame.preemptible ? " preemptible" : ""}`
        case "end":
          return `end ${frame.handoffData ?? ""}`
        case "play":
        case "sendDigits":
        case "language":
          return JSON.stringify(frame)
        default:
          return frame satisfies never
      }
    })
  }
}

/** A log that keeps its lines. */
export function notedLog(): Log & { lines: string[] } {
  const lines: string[] = []
  const write = (level: string) => (message: string, fields?: Record<string, unknown>) =>
    void lines.push(
      typeof fields?.["reason"] === "string"
        ? `${level} ${message}: ${fields["reason"]}`
        : `${level} ${message}`,
    )
  const log: Log & { lines: string[] } = {
    lines,
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    with: () => log,
    background: (label, promise) =>
      void promise.catch((error: unknown) => lines.push(`error ${label} ${String(error)}`)),
  }
  return log
}

/** Frames from Twilio, as text. */
export const frame = {
  setup: (given: Record<string, unknown> = {}) =>
    JSON.stringify({
      type: "setup",
      sessionId: `VX${"1".repeat(32)}`,
      accountSid: `AC${"1".repeat(32)}`,
      callSid: SID,
      parentCallSid: "",
      from: "+15550100001",
      to: "+15550100002",
      forwardedFrom: "",
      callType: "PSTN",
      callerName: "",
      direction: "inbound",
      callStatus: "RINGING",
      customParameters: {},
      ...given,
    }),
  prompt: (voicePrompt: string, last = true) =>
    JSON.stringify({ type: "prompt", voicePrompt, lang: "en-US", last }),
  interrupt: (utteranceUntilInterrupt: string, durationUntilInterruptMs: number | string = 1000) =>
    JSON.stringify({ type: "interrupt", utteranceUntilInterrupt, durationUntilInterruptMs }),
  dtmf: (digit: string) => JSON.stringify({ type: "dtmf", digit }),
  speaking: (on: boolean) =>
    JSON.stringify({ type: "info", name: "agentSpeaking", value: on ? "on" : "off" }),
  played: (value: string) => JSON.stringify({ type: "info", name: "tokensPlayed", value }),
  error: (description: string) => JSON.stringify({ type: "error", description }),
}
