/** A call on ConversationRelay while its conversation runs: the agent that talks, its habits, and what others may change. */

import type { Agent, Assets, ModelChoice } from "../assets/agent.ts"
import type { Call, Parameters } from "../call/call.ts"
import type { CallEvent } from "../call/events.ts"
import type { CallId } from "../call/ids.ts"
import type { AgentChange, AgentState, Ending, InsertedMessage, LiveCall } from "../call/live-calls.ts"
import type { Turn } from "../call/turn.ts"
import type { SessionStart } from "../call/session-start.ts"
import { Conversation, type ConversationTimes } from "../conversation/conversation.ts"
import { History } from "../conversation/history.ts"
import { LanguageWatch } from "../conversation/language-watch.ts"
import { runCallTool } from "../conversation/run-call-tool.ts"
import { SilenceDetection } from "../conversation/silence-detection.ts"
import { LiveUpdate } from "../conversation/live-update.ts"
import { AppError } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Socket } from "../lib/socket.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { AnyTool, SmsSender } from "../tools/define-tool.ts"
import type { ToolCall } from "../tools/run-tool.ts"
import { RelayOutbound, type RelayInbound, type RelaySetup } from "../twilio/relay-messages.ts"
import { CallAgent } from "../conversation/call-agent.ts"
import { declaredLanguages } from "./declared-languages.ts"
import { RelayOutput } from "./relay-output.ts"

export type RelayCallOptions = {
  socket: Socket
  call: Call
  assets: Assets
  modelFor: (choice: ModelChoice) => ChatModel
  /** The tools that a manifest offers, by name. */
  toolsFor: (manifest: Agent["manifest"]) => ReadonlyMap<string, AnyTool>
  /** Undefined without a Twilio account. */
  sms: SmsSender | undefined
  /** Told with which agent the call goes on. */
  onAgent: (agent: Agent) => void
  keep: (turn: Turn) => void
  publish: (event: CallEvent) => void
  times: ConversationTimes & {
    /** Longest run of one tool, in milliseconds. */
    toolMs: number
  }
  sweep: Sweep
  log: Log
}

export class RelayCall implements LiveCall {
  readonly callId: CallId
  readonly #options: RelayCallOptions
  readonly #role: CallAgent
  readonly #voice: RelayOutput
  readonly #conversation: Conversation
  readonly #silence: SilenceDetection
  readonly #liveUpdate: LiveUpdate
  readonly #language: LanguageWatch

  /** `parameters`: those of the call and of the socket, without the program's own. */
  constructor(options: RelayCallOptions, setup: RelaySetup, parameters: Parameters, start: SessionStart) {
    const { call, assets, socket, sweep, log, modelFor, times } = options
    this.callId = call.id
    this.#options = options
    const { callerName, forwardedFrom, callType, sessionId } = setup
    const facts = { callerName, forwardedFrom, callType, sessionId }
    this.#role = new CallAgent({ assets, call, facts, parameters, log })
    const { agent } = this.#role
    const listenMode = parameters["listenMode"]
    const muted = listenMode === undefined ? agent.listenMode : listenMode === "true"
    this.#voice = new RelayOutput({ socket, sweep, log, listenMode: muted })
    this.#conversation = new Conversation({
      brief: this.#role.brief(),
      history: new History({
        callId: call.id,
        turns: start.kind === "new" ? [] : start.turns,
        keep: options.keep,
      }),
      model: modelFor(agent.model),
      voice: this.#voice,
      steer: (action) => this.#liveUpdate.steer(action),
      runTool: (toolCall) => this.#runTool(toolCall),
      phrases: agent.phrases,
      times,
      sweep,
      log,
      publish: options.publish,
    })
    this.#silence = new SilenceDetection({
      thresholdMs: agent.silence.secondsThreshold * 1000,
      messages: agent.silence.messages,
      sweep,
      quietAt: () => this.#voice.quietAt(),
      busy: () => this.#conversation.busy,
      remind: (text) => this.#conversation.say(text),
      giveUp: () =>
        this.#conversation.wrapUp("", { reasonCode: "unresponsive", reason: "The caller was not speaking" }),
    })
    this.#liveUpdate = new LiveUpdate({
      role: this.#role,
      voice: this.#voice,
      silence: this.#silence,
      goesOn: () => true,
      onRole: () => {
        this.#conversation.setPrompt(this.#role.brief())
        options.onAgent(this.#role.agent)
      },
      forget: () => this.#conversation.forget(),
      insert: (message) => this.insert(message),
      publish: options.publish,
    })
    this.#language = new LanguageWatch(declaredLanguages(agent, parameters))
    options.onAgent(agent)
    this.#firstWords(start)
    this.#liveUpdate.watchSilence()
  }

  /** What Twilio reports. */
  hear(frame: Exclude<RelayInbound, { type: "setup" }>): void {
    const { log, publish } = this.#options
    switch (frame.type) {
      case "prompt":
        this.#silence.alive()
        // Partials are replaced by the finished prompt, which is the one that is answered.
        if (frame.last) this.#heardPrompt(frame.text, frame.lang ?? undefined)
        return
      case "interrupt":
        this.#conversation.interrupt(frame.heard, { durationMs: frame.heardMs ?? undefined })
        return this.#silence.alive()
      case "dtmf":
        this.#silence.alive()
        return this.#conversation.press(frame.digit)
      case "info":
        if (frame.name === "agentSpeaking") {
          this.#voice.agentSpeaking(frame.on)
          this.#silence.quietChanged()
        }
        if (frame.name === "tokensPlayed") this.#conversation.played(frame.text)
        return
      case "error":
        log.warn("Twilio reported an error", { code: frame.code, pii: frame.description })
        return publish({ type: "relay.failed", description: frame.description.slice(0, 500) })
      case "unknown":
        return log.debug("a frame of an unknown type was ignored", { frame: frame.name })
      default:
        frame satisfies never
    }
  }

  /** The socket is gone. */
  closed(): void {
    this.#silence.stop()
    this.#conversation.close()
    this.#voice.close()
  }

  say(text: string): void {
    this.#conversation.say(text)
    // Whoever is spoken to is given the time to answer.
    this.#silence.alive()
  }

  insert(message: InsertedMessage): void {
    this.#conversation.insert(message)
  }

  sendFrame(given: unknown): void {
    const parsed = RelayOutbound.safeParse(given)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw new AppError(
        "INVALID_REQUEST",
        `The frame is invalid: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
      )
    }
    const frame = parsed.data
    this.#voice.frame(frame)
    if (frame.type === "language") this.#language.stop()
    if (frame.type !== "text" || frame.token.trim() === "") return
    this.#conversation.greeted(frame.token)
    this.#silence.alive()
  }

  change(change: AgentChange): AgentState {
    return this.#liveUpdate.change(change)
  }

  wrapUp(text: string, ending: Ending): void {
    this.#silence.stop()
    this.#conversation.wrapUp(text, ending)
  }

  close(code: number, reason: string): void {
    this.#options.socket.close(code, reason)
  }

  #firstWords(start: SessionStart): void {
    const { phrases } = this.#role.agent
    switch (start.kind) {
      case "new": {
        const words = this.#role.firstWords
        if (words === "") return
        this.#voice.spokenByTwilio(words)
        return this.#conversation.greeted(words)
      }
      case "resumed":
        return this.#conversation.say(phrases.resumed)
      case "transfer-failed":
        this.#conversation.insert({
          role: "system",
          text: `The caller was to be handed to a person, but nobody took the call (${start.reason}).`,
          respond: false,
        })
        return this.#conversation.say(phrases.transferFailed)
      default:
        start satisfies never
    }
  }

  #heardPrompt(text: string, lang: string | undefined): void {
    // A muted voice changes no language; whoever is heard later is followed then.
    const ttsLanguage = this.#voice.muted ? undefined : this.#language.heard(lang)
    if (ttsLanguage !== undefined) this.#voice.act({ type: "switch-language", ttsLanguage })
    this.#conversation.hear(text, { lang })
  }

  async #runTool(toolCall: ToolCall) {
    const outcome = await runCallTool(this.#options, this.#role.agent, toolCall)
    // A language that was chosen is not to be changed by the next words.
    if (outcome.ok && outcome.action?.type === "switch-language") this.#language.stop()
    return outcome
  }
}
