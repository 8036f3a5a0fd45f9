/** A conversation over ConversationRelay: what Twilio reports, and what is special to its protocol. */

import type { AgentModel } from "../assets/agent.ts"
import type { CallId } from "../call/ids.ts"
import type { AgentChange, AgentState, InsertedMessage } from "../call/live-calls.ts"
import type { SessionEnd } from "../call/session-end.ts"
import { CallAgent } from "../conversation/call-agent.ts"
import { historyOf, type CallContext } from "../conversation/call-context.ts"
import { Conversation } from "../conversation/conversation.ts"
import type { IvrWalk } from "../conversation/ivr/ivr-walk.ts"
import { walkOfCall } from "../conversation/ivr/walk-of-call.ts"
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
  /** The phone menu that the call has to pass before there is a caller to talk to. */
  #ivr: IvrWalk | undefined
  /** With these words a person ended the phone menu. */
  #words: string | undefined

  constructor({ context, setup, socket, modelFor }: RelayCallOptions) {
    const { call, parameters, publish, times, sweep, log } = context
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
    this.#conversation = new Conversation({
      prompt: this.#agent.prompt(),
      history,
      model,
      output: this.#output,
      ending: this.#ending,
      update: (action) => this.#agent.update(action),
      runTool: (toolCall) => this.#runTool(toolCall),
      phrases: agent.phrases,
      speechFilter: agent.speechFilter,
      endsOnFailure: agent.menus?.modelFailed !== undefined,
      times,
      sweep,
      log,
      publish,
    })
    this.#language = new LanguageWatch(declaredLanguages(agent, parameters))
    const { muted } = this.#output
    this.#ivr = walkOfCall({
      context,
      agent,
      prompt: () => this.#agent.prompt(),
      model,
      history,
      output: {
        press: (digits) => this.#output.act({ type: "send-digits", digits }),
        say: (token) => this.#output.frame({ type: "text", token, last: true, interruptible: false }),
      },
      reached: (words) => this.#personReached(words, muted),
      gaveUp: (detail) => this.wrapUp("", { reason: "agent-ended", detail }),
    })
    // The agent only listens until a person is there.
    if (this.#ivr) this.#output.muted = true
    else this.#agent.start()
  }

  hear(frame: Exclude<RelayInbound, { type: "setup" }>): void {
    const { log, publish } = this.#context
    if (this.#ivr && (frame.type === "prompt" || frame.type === "dtmf" || frame.type === "interrupt")) {
      if (frame.type === "prompt" && frame.last) this.#ivr.hear(frame.text)
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
    this.#ivr?.close()
    this.#agent.close()
    this.#conversation.close()
    this.#output.close()
    onSettled()
  }

  get isEnding(): boolean {
    return !this.#ending.isOpen
  }

  say(text: string): void {
    if (this.#ivr) return this.#ivr.say(text)
    this.#conversation.say(text)
    // A caller who is spoken to gets the whole threshold to answer.
    this.#agent.resetSilence()
  }

  insert(message: InsertedMessage): void {
    // Only the phone menu would hear an answer.
    this.#conversation.insert(this.#ivr ? { ...message, respond: false } : message)
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
    this.#ivr?.close()
    this.#agent.close()
    this.#conversation.wrapUp(text, end)
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason)
  }

  #personReached(words: string, muted: boolean): void {
    this.#ivr = undefined
    this.#words = words
    this.#output.muted = muted
    this.#agent.start({ kind: "new" })
  }

  /** Twilio speaks the greeting of the TwiML by itself; a person who ended a phone menu is greeted, or answered, here. */
  #greeted(text: string): void {
    if (this.#words !== undefined) {
      this.#conversation.hear(this.#words, { answer: text === "" })
      if (text !== "") this.#conversation.say(text)
      return
    }
    if (text === "") return
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
