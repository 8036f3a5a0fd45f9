/** A conversation with a scripted model, an output that records its calls, and a clock that the test moves. */

import { newCallId } from "../../src/call/ids.ts"
import type { CallEvent } from "../../src/call/events.ts"
import type { SessionEnd } from "../../src/call/session-end.ts"
import type { Turn } from "../../src/call/turn.ts"
import type { Prompt } from "../../src/conversation/prompt.ts"
import { Conversation } from "../../src/conversation/conversation.ts"
import { EndAfterPlayback } from "../../src/conversation/end-after-playback.ts"
import { History } from "../../src/conversation/history.ts"
import type { SpeechOutput } from "../../src/conversation/speech-output.ts"
import { getLog } from "../../src/lib/log.ts"
import type { CallAction, LiveUpdateAction, ToolOutcome, VoiceAction } from "../../src/tools/define-tool.ts"
import { ScriptedModel, settled } from "../fakes/scripted-model.ts"
import { TestClock } from "../lib/test-clock.ts"

export const PROMPT: Prompt = {
  instructions: "Be kind.",
  tools: [{ name: "find", description: "Finds things", parameters: { type: "object" } }],
  cacheKey: "key",
  safetyId: "id",
}

export const TIMES = { firstTokenMs: 6000, tokenGapMs: 8000, waitPhraseMs: 2500, digitsMs: 2000 }
export const PHRASES = { wait: ["One moment.", "Still here."], apology: "Sorry.", lostThread: "Lost it." }
export const END: SessionEnd = { reason: "agent-ended", detail: "Ending the call" }

/** Speaks nothing; records what it is asked to say. */
export class NotedOutput implements SpeechOutput {
  readonly notes: string[] = []
  muted = false
  /** Set by the test. */
  quietAtMs = 0

  text(text: string): void {
    this.notes.push(`text ${text}`)
  }
  finish(): void {
    this.notes.push("finish")
  }
  sentence(text: string, options?: { preemptible?: boolean }): void {
    this.notes.push(`sentence ${text}${options?.preemptible ? " (preemptible)" : ""}`)
  }
  act(action: VoiceAction): void {
    this.notes.push(`act ${action.type}`)
  }
  interrupt(): void {
    this.notes.push("interrupt")
  }
  quietAt(): number {
    return this.quietAtMs
  }
  /** Everything is heard at once, so that an end is not held back. */
  heardBy(): undefined {}

  /** Everything since the last look. */
  take(): string[] {
    return this.notes.splice(0)
  }
}

type ToolRun = (args: string) => ToolOutcome | Promise<ToolOutcome>

export type ConversationFixtureOptions = {
  tools?: Record<string, ToolRun>
  turns?: readonly Turn[]
  times?: Partial<typeof TIMES>
  phrases?: Partial<typeof PHRASES>
  speechFilter?: boolean
}

export class ConversationFixture implements Disposable {
  readonly clock = new TestClock(1_000_000)
  readonly model = new ScriptedModel()
  readonly output = new NotedOutput()
  readonly events: CallEvent[] = []
  /** Every state of every turn, as it was kept. */
  readonly kept: Turn[] = []
  /** What tools asked of the agent's set-up. */
  readonly updates: LiveUpdateAction[] = []
  /** Arguments of the tools that ran. */
  readonly ran: string[] = []
  readonly history: History
  readonly conversation: Conversation

  constructor({
    tools = {},
    turns = [],
    times = {},
    phrases = {},
    speechFilter,
  }: ConversationFixtureOptions = {}) {
    this.history = new History({
      callId: newCallId(),
      turns,
      keep: (turn) => this.kept.push(structuredClone(turn)),
    })
    this.conversation = new Conversation({
      prompt: PROMPT,
      history: this.history,
      model: this.model,
      output: this.output,
      ending: new EndAfterPlayback({
        output: this.output,
        end: ({ reason }) => void this.output.notes.push(`end ${reason}`),
        sweep: this.clock.sweep,
      }),
      update: (action) => this.updates.push(action),
      runTool: async ({ name, arguments: args }) => {
        this.ran.push(`${name} ${args}`)
        const run = tools[name]
        return run ? run(args) : { ok: false, code: "UNKNOWN_TOOL", message: `no ${name}` }
      },
      phrases: { ...PHRASES, ...phrases },
      speechFilter,
      times: { ...TIMES, ...times },
      sweep: this.clock.sweep,
      log: getLog("test"),
      publish: (event) => this.events.push(event),
    })
  }

  /** The caller says something; the request that it leads to. */
  async ask(text: string) {
    this.conversation.hear(text)
    return this.model.next()
  }

  /** One whole exchange. */
  async exchange(text: string, answer: string): Promise<void> {
    const request = await this.ask(text)
    await request.end(answer)
    await settled()
  }

  /** Of each turn of the agent and the caller its last state, as `speaker: text`, with a dash where it was cut off. */
  get transcript(): string[] {
    const latest = new Map(this.kept.map((turn) => [turn.id, turn]))
    return [...latest.values()]
      .filter(({ kind }) => kind !== "tool")
      .toSorted((a, b) => a.seq - b.seq)
      .map(({ speaker, text, interrupted }) => `${speaker}: ${text}${interrupted ? " —" : ""}`)
  }

  /** The next request would show this, one item a line. */
  get items(): string[] {
    return itemLines(this.history.items())
  }

  eventsOf<T extends CallEvent["type"]>(type: T): Extract<CallEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<CallEvent, { type: T }> => event.type === type)
  }

  [Symbol.dispose](): void {
    this.clock[Symbol.dispose]()
  }
}

export function itemLines(items: ReturnType<History["items"]>): string[] {
  return items.map((item) => {
    switch (item.type) {
      case "message":
        return `${item.role}${item.phase ? `(${item.phase})` : ""}: ${item.text}`
      case "tool-call":
        return `call ${item.callId}: ${item.name} ${item.arguments}`
      case "tool-result":
        return `result ${item.callId}: ${item.output}`
      case "opaque":
        return `opaque ${JSON.stringify(item.item)}`
      default:
        return item satisfies never
    }
  })
}

export function ok(message = "done", action?: CallAction): ToolOutcome {
  return { ok: true, value: { message }, ...(action ? { action } : {}) }
}
