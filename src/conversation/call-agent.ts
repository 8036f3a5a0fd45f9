/**
 * The agent of one call: its prompt, tools, listen mode, silence detection, first words, and what may be changed while the
 * call runs. Each engine holds one.
 */

import type { Agent } from "../assets/agent.ts"
import type { AgentChange, AgentState, InsertedMessage, KnownCaller } from "../call/live-calls.ts"
import type { SessionEnd } from "../call/session-end.ts"
import { isE164 } from "../lib/e164.ts"
import { isWithheld } from "../lib/withheld.ts"
import { fillPlaceholders } from "../call/placeholders.ts"
import type { LiveUpdateAction, ToolOutcome } from "../tools/define-tool.ts"
import { runTool, type ToolCall } from "../tools/run-tool.ts"
import type { CallContext } from "./call-context.ts"
import { changeRefusal } from "./change-refusal.ts"
import { chooseAgent } from "./choose-agent.ts"
import { LiveUpdate, type RoleChange } from "./live-update.ts"
import { promptFor, type Prompt } from "./prompt.ts"
import { SilenceDetection } from "./silence-detection.ts"
import type { SpeechOutput } from "./speech-output.ts"

/** What the agent asks of its engine. Nothing of it is called before `start`. */
export type AgentEngine = {
  /** Whether an answer is being made or a tool is running: then the caller is waiting. */
  busy: () => boolean
  /** Says, or lets the caller hear, the greeting; without effect when it is empty. */
  greet: (text: string) => void
  say: (text: string) => void
  insert: (message: InsertedMessage) => void
  /** Clears the context of the model; the record of the call stays. */
  forget: () => void
  /** `prompt()` has changed; the next request to the model must use it. */
  promptChanged: () => void
  wrapUp: (text: string, end: SessionEnd) => void
}

export type CallAgentOptions = {
  context: CallContext
  /** What else the engine knows about the call; empty fields are left out. */
  facts: Record<string, string | null>
  output: Pick<SpeechOutput, "muted" | "quietAt">
  engine: AgentEngine
}

export class CallAgent {
  readonly #options: CallAgentOptions
  readonly #silence: SilenceDetection
  readonly #liveUpdate: LiveUpdate
  #agent: Agent
  /** Instructions given with the call; another context replaces them. */
  #prompt: string | null
  #caller: KnownCaller | undefined

  constructor(options: CallAgentOptions) {
    this.#options = options
    const { context, output, engine } = options
    const { call, parameters, sweep, publish } = context
    this.#agent = chooseAgent(context)
    this.#prompt = call.prompt
    this.#caller = context.caller
    const { silence, listenMode } = this.#agent
    const given = parameters["listenMode"]
    output.muted = given === undefined ? listenMode : given === "true"
    this.#silence = new SilenceDetection({
      thresholdMs: silence.secondsThreshold * 1000,
      messages: silence.messages,
      sweep,
      quietAt: () => output.quietAt(),
      busy: engine.busy,
      remind: engine.say,
      giveUp: () => engine.wrapUp("", { reason: "silence", detail: "The caller was not speaking" }),
    })
    this.#liveUpdate = new LiveUpdate({
      agent: this,
      output,
      silence: this.#silence,
      silenceDetection: silence.enabled,
      forget: engine.forget,
      insert: engine.insert,
      publish,
    })
  }

  get agent(): Agent {
    return this.#agent
  }

  /** For the next request to the model. */
  prompt(): Prompt {
    const { context, facts } = this.#options
    const { call, parameters, sweep } = context
    return promptFor({
      agent: this.#agent,
      call: { ...call, prompt: this.#prompt },
      parameters,
      now: sweep.clock.now(),
      facts,
      about: this.#caller?.about,
    })
  }

  /**
   * The engine can speak: says the first words and starts silence detection. After a phone menu that is when a person was
   * reached, who is `new` to the agent whatever was heard before.
   */
  start(start = this.#options.context.start): void {
    const { context, engine } = this.#options
    const { call, lifecycle, parameters, caller } = context
    lifecycle.agentChosen(call.id, this.#agent)
    const { greeting, phrases } = this.#agent
    switch (start.kind) {
      case "new":
        engine.greet(fillPlaceholders(call.firstMessage ?? caller?.greeting?.text ?? greeting, parameters))
        break
      case "resumed":
        engine.say(phrases.resumed)
        break
      case "transfer-failed":
        engine.insert({
          role: "system",
          text: `The caller was to be handed to a person, but nobody took the call (${start.reason}).`,
          respond: false,
        })
        engine.say(phrases.transferFailed)
        break
      default:
        start satisfies never
    }
    this.#liveUpdate.applySilenceDetection()
  }

  /** The caller was active, or a program spoke to the caller: reminders start over. */
  resetSilence(): void {
    this.#silence.callerActive()
  }

  /** The expected end of the agent's speech has changed. */
  playbackChanged(): void {
    this.#silence.quietChanged()
  }

  /** The conversation is being ended, or the socket is closed: no reminder follows. */
  close(): void {
    this.#silence.close()
  }

  /** A program changes the agent. Throws `AppError` INVALID_REQUEST for an unknown key; then nothing changes. */
  change(change: AgentChange): AgentState {
    return this.#liveUpdate.change(change)
  }

  /** A tool changes the agent. */
  update(action: LiveUpdateAction): void {
    this.#liveUpdate.update(action)
  }

  /** Replaces context, manifest or caller. Returns whether anything changed. Throws INVALID_REQUEST for an unknown key. */
  replace({ contextKey, manifestKey, caller }: RoleChange): boolean {
    const { assets, call, lifecycle } = this.#options.context
    // Both are looked up before anything changes. A key means the same whatever the agent.
    const context = contextKey === undefined ? undefined : assets.agentFor({ contextKey }).context
    const manifest = manifestKey === undefined ? undefined : assets.agentFor({ manifestKey }).manifest
    if (!context && !manifest && !caller) return false
    if (caller) this.#caller = caller
    if (context) this.#prompt = null
    this.#agent = { ...this.#agent, ...(context ? { context } : {}), ...(manifest ? { manifest } : {}) }
    this.#options.engine.promptChanged()
    lifecycle.agentChosen(call.id, this.#agent)
    return true
  }

  /** Runs a tool of the manifest. Never rejects. */
  runTool(toolCall: ToolCall): Promise<ToolOutcome> {
    const { call, toolsFor, sms, remember, times, sweep, log } = this.#options.context
    const peer = call.direction === "inbound" ? call.from : call.to
    const number = call.verifiedNumber ?? peer
    return runTool(toolCall, {
      tools: toolsFor(this.#agent.manifest),
      context: {
        callId: call.id,
        callSid: call.sid,
        peer,
        caller: isE164(number) && !isWithheld(number) ? number : undefined,
        changeRefusal: (keys) => changeRefusal(this.#agent, this.#options.context.assets, keys),
        sms,
        remember,
      },
      timeoutMs: times.toolMs,
      sweep,
      log,
    })
  }
}
