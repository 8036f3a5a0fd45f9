/** A conversation over ConversationRelay: what Twilio reports, and what is special to its protocol. */

import type { AgentModel } from "../assets/agent.ts"
import type { CallId } from "../call/ids.ts"
import type { AgentChange, AgentState, InsertedMessage } from "../call/live-calls.ts"
import type { SessionEnd } from "../call/session-end.ts"
import { CallAgent } from "../conversation/call-agent.ts"
import { historyOf, type CallContext } from "../conversation/call-context.ts"
import { agentConversation } from "../conversation/agent-conversation.ts"
import type { Conversation } from "../conversation/conversation.ts"
import { MenuFirst } from "../conversation/ivr/menu-first.ts"
import { EndAfterPlayback } from "../conversation/end-after-playback.ts"
import { LanguageWatch } from "../conversation/language-watch.ts"
import type { Socket } from "../lib/socket.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { ToolOutcome } from "../tools/define-tool.ts"
import type { ToolCall } from "../tools/run-tool.ts"
import type { RelayInbound, RelaySetup } from "../twilio/relay-messages.ts"
import { declaredLanguages } from "./declared-languages.ts"
import { readForeignFrame } from "./foreign-frame.ts"
import { RelayOutput } from "./relay-output.ts"
import type { RelayEngine } from "./relay-session.ts"

/** Longest wait for the end of speech that Twilio still reports, beyond the estimate. */
const MAX_OVERTIME_MS = 10_000

export type RelayCallOptions = {
  context: CallContext
  setup: RelaySetup
  socket: Socket
  modelFor: (choice: AgentModel) => ChatModel
}

export class RelayCall implements RelayEngine {
  readonly callId: CallId
  readonly #context: CallContext
  readonly #socket: Socket
  readonly #agent: CallAgent
  readonly #output: RelayOutput
  readonly #ending: EndAfterPlayback
  readonly #conversation: Conversation
  readonly #language: LanguageWatch
  readonly #menu: MenuFirst

  constructor({ context, setup, socket, modelFor }: RelayCallOptions) {
    const { call, parameters, sweep, log } = context
    const { callerName, forwardedFrom, callType, sessionId } = setup
    this.callId = call.id
    this.#context = context
    this.#socket = socket
    this.#output = new RelayOutput({ socket, sweep, log })
    this.#ending = new EndAfterPlayback({
      output: this.#output,
      limitMs: MAX_OVERTIME_MS,
      end: (end) => this.#output.end(end),
      sweep,
    })
    this.#agent = new CallAgent({
      context,
      facts: { callerName, forwardedFrom, callType, sessionId },
      output: this.#output,
      engine: {
        busy: () => this.#conversation.busy,
        greet: (text) => this.#greeted(text),
        say: (text) => this.#conversation.say(text),
        insert: (message) => this.insert(message),
        forget: () => this.#conversation.forget(),
        promptChanged: () => this.#conversation.setPrompt(this.#agent.prompt()),
        wrapUp: (text, end) => this.wrapUp(text, end),
      },
    })
    const { agent } = this.#agent
    const history = historyOf(context)
    const model = modelFor(agent.model)
    this.#conversation = agentConversation({
      context,
      agent: this.#agent,
      history,
      model,
      output: this.#output,
      ending: this.#ending,
      runTool: (toolCall) => this.#runTool(toolCall),
    })
    this.#language = new LanguageWatch(declaredLanguages(agent, parameters))
    this.#menu = new MenuFirst({
      context,
      agent,
      prompt: () => this.#agent.prompt(),
      model,
      history,
      voice: this.#output,
      conversation: this.#conversation,
      output: {
        press: (digits) => this.#output.act({ type: "send-digits", digits }),
        say: (token) => this.#output.frame({ type: "text", token, last: true, interruptible: false }),
      },
      personReached: () => this.#agent.start({ kind: "new" }),
      gaveUp: (detail) => this.wrapUp("", { reason: "agent-ended", detail }),
    })
    if (!this.#menu.isActive) this.#agent.start()
  }

  hear(frame: Exclude<RelayInbound, { type: "setup" }>): void {
    const { log, publish } = this.#context
    const isSpeech = frame.type === "prompt" || frame.type === "dtmf" || frame.type === "interrupt"
    if (this.#menu.isActive && isSpeech) {
      if (frame.type === "prompt" && frame.last) this.#menu.hear(frame.text)
      return
    }
    switch (frame.type) {
      case "prompt":
        this.#agent.resetSilence()
        // Partials are replaced by the finished prompt, which is the one that is answered.
        if (frame.last) this.#heardPrompt(frame.text, frame.lang ?? undefined)
        return
      case "interrupt":
        this.#conversation.interrupt(frame.heard, { durationMs: frame.heardMs ?? undefined })
        return this.#agent.resetSilence()
      case "dtmf":
        this.#agent.resetSilence()
        return this.#conversation.dtmf(frame.digit)
      case "info":
        if (frame.name === "agentSpeaking") this.#agentSpeaking(frame.on)
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

  closed(onSettled: () => void): void {
    this.#menu.close()
    this.#agent.close()
    this.#conversation.close()
    this.#output.close()
    onSettled()
  }

  get isEnding(): boolean {
    return !this.#ending.isOpen
  }

  say(text: string): void {
    if (this.#menu.isActive) return this.#menu.say(text)
    this.#conversation.say(text)
    // A caller who is spoken to gets the whole threshold to answer.
    this.#agent.resetSilence()
  }

  insert(message: InsertedMessage): void {
    this.#conversation.insert(this.#menu.silenced(message))
  }

  sendFrame(given: unknown): void {
    const frame = readForeignFrame(given)
    this.#output.frame(frame)
    if (frame.type === "language") this.#language.stop()
    if (frame.type !== "text" || frame.token.trim() === "") return
    this.#conversation.greeted(frame.token)
    this.#agent.resetSilence()
  }

  change(change: AgentChange): AgentState {
    return this.#agent.change(change)
  }

  wrapUp(text: string, end: SessionEnd): void {
    this.#menu.close()
    this.#agent.close()
    this.#conversation.wrapUp(text, end)
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  /** Twilio speaks the greeting of the TwiML by itself; a person who ended a phone menu is greeted, or answered, here. */
  #greeted(text: string): void {
    if (this.#menu.greet(text) || text === "") return
    // A greeting that depends on the caller is not in the TwiML.
    if (this.#context.caller?.greeting) return this.#conversation.say(text)
    this.#output.spokenByTwilio(text)
    this.#conversation.greeted(text)
  }

  #agentSpeaking(on: boolean): void {
    this.#output.agentSpeaking(on)
    this.#ending.recheck()
    this.#agent.playbackChanged()
  }

  #heardPrompt(text: string, lang: string | undefined): void {
    // While muted no language is switched; the next prompt after that is followed.
    const ttsLanguage = this.#output.muted ? undefined : this.#language.heard(lang)
    if (ttsLanguage !== undefined) this.#output.act({ type: "switch-language", ttsLanguage })
    this.#conversation.hear(text, { lang })
  }

  async #runTool(toolCall: ToolCall): Promise<ToolOutcome> {
    const outcome = await this.#agent.runTool(toolCall)
    // A language that a tool chose is not changed by what the caller says next.
    if (outcome.ok && outcome.action?.type === "switch-language") this.#language.stop()
    return outcome
  }
}
