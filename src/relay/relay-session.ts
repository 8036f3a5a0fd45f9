/** One ConversationRelay socket: Twilio's frames in, a conversation behind, and what becomes of it when it closes. */

import type { Agent, Assets, ModelChoice } from "../assets/agent.ts"
import type { Call, Parameters } from "../call/call.ts"
import type { CallEvent } from "../call/events.ts"
import { TOKEN_PARAMETER, type CallId } from "../call/ids.ts"
import type { Ending, LiveCall, LiveCalls } from "../call/live-calls.ts"
import type { Recorder } from "../call/recorder.ts"
import type { Turn } from "../call/turn.ts"
import { briefFor } from "../conversation/brief.ts"
import { Conversation, type ConversationTimes } from "../conversation/conversation.ts"
import { History } from "../conversation/history.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Socket, SocketSession } from "../lib/socket.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { AnyTool } from "../tools/define-tool.ts"
import { runTool } from "../tools/run-tool.ts"
import { parseRelayFrame, type RelayInbound, type RelaySetup } from "../twilio/relay-messages.ts"
import { RelayVoice } from "./relay-voice.ts"

/** Bad frames that are logged one by one; after that only every hundredth. */
const LOGGED_BAD_FRAMES = 10

export type RelaySessionOptions = {
  socket: Socket
  /** The call that the one-time token of the socket belongs to. */
  call: Call
  assets: Assets
  modelFor: (choice: ModelChoice) => ChatModel
  tools: ReadonlyMap<string, AnyTool>
  /** What was said in the call before, in order. */
  turnsOf: (callId: CallId) => readonly Turn[]
  /** Told of the session's Twilio id once it is known. */
  onSetup: (callId: CallId, sessionId: string) => void
  recorder: Recorder
  liveCalls: LiveCalls
  times: ConversationTimes & {
    /** Longest wait for the first frame, in milliseconds. */
    setupMs: number
    /** Longest run of one tool, in milliseconds. */
    toolMs: number
  }
  sweep: Sweep
  log: Log
}

type State =
  | { phase: "awaiting-setup"; cancelDeadline: () => void }
  | { phase: "live"; conversation: Conversation; voice: RelayVoice; leave: () => void }
  | { phase: "closed" }

export class RelaySession implements SocketSession, LiveCall {
  readonly callId: CallId
  readonly #options: RelaySessionOptions
  readonly #log: Log
  #state: State
  #badFrames = 0

  constructor(options: RelaySessionOptions) {
    this.#options = options
    this.callId = options.call.id
    this.#log = options.log.with({ callSid: options.call.sid })
    const cancelDeadline = options.sweep.after(options.times.setupMs, () => {
      this.#log.warn("no setup frame came", { waitedMs: options.times.setupMs })
      options.socket.close(4408, "no setup frame came")
    })
    this.#state = { phase: "awaiting-setup", cancelDeadline }
  }

  receive(text: string): void {
    const parsed = parseRelayFrame(text)
    if (!parsed.ok) return this.#reject(parsed.reason)
    const state = this.#state
    switch (state.phase) {
      case "awaiting-setup":
        if (parsed.frame.type === "setup") this.#setUp(parsed.frame, state.cancelDeadline)
        else this.#reject(`First frame was '${parsed.frame.type}', expected 'setup'`)
        return
      case "live":
        return this.#hear(parsed.frame, state)
      case "closed":
        return
      default:
        state satisfies never
    }
  }

  closed(code: number, reason: string): void {
    const state = this.#state
    if (state.phase === "closed") return
    this.#state = { phase: "closed" }
    if (state.phase === "awaiting-setup") state.cancelDeadline()
    else {
      state.conversation.close({ playedKnown: state.voice.playedKnown })
      state.voice.close()
      state.leave()
    }
    this.#publish({ type: "session.closed", code, reason: reason.slice(0, 120) })
    this.#options.recorder.flush()
    this.#log.info("relay session closed", { code, reason: reason.slice(0, 120) })
  }

  say(text: string): void {
    if (this.#state.phase === "live") this.#state.conversation.say(text)
  }

  wrapUp(text: string, ending: Ending): void {
    if (this.#state.phase === "live") this.#state.conversation.wrapUp(text, ending)
    else this.close(1000, ending.reason)
  }

  close(code: number, reason: string): void {
    this.#options.socket.close(code, reason)
  }

  #setUp(setup: RelaySetup, cancelDeadline: () => void): void {
    const { call, socket, sweep, recorder, liveCalls, times, turnsOf, onSetup, modelFor } = this.#options
    if (setup.callSid !== call.sid) {
      this.#log.warn("setup is of another call", { setupCallSid: setup.callSid })
      socket.close(4403, "setup is of another call")
      return
    }
    cancelDeadline()
    const { [TOKEN_PARAMETER]: _, ...given } = setup.customParameters
    const parameters = { ...call.parameters, ...given }
    const agent = this.#agentFor(parameters)
    const listenMode = parameters["listenMode"]
    const voice = new RelayVoice({
      socket,
      sweep,
      log: this.#log,
      listenMode: listenMode === undefined ? agent.listenMode : listenMode === "true",
    })
    const turns = turnsOf(call.id)
    const conversation = new Conversation({
      brief: briefFor({
        agent,
        call,
        parameters,
        facts: {
          callerName: setup.callerName,
          forwardedFrom: setup.forwardedFrom,
          callType: setup.callType,
          sessionId: setup.sessionId,
        },
      }),
      history: new History({ callId: call.id, turns, keep: (turn) => recorder.turn(turn) }),
      model: modelFor(agent.model),
      voice,
      runTool: (toolCall) => this.#runTool(toolCall, agent),
      phrases: agent.phrases,
      times,
      sweep,
      log: this.#log,
      publish: (event) => this.#publish(event),
    })
    onSetup(call.id, setup.sessionId)
    this.#state = { phase: "live", conversation, voice, leave: liveCalls.add(this) }
    this.#publish({
      type: "session.opened",
      engine: "relay",
      sessionId: setup.sessionId,
      resume: call.resumes,
    })
    this.#log.info("relay session opened", {
      sessionId: setup.sessionId,
      agent: agent.key,
      resume: call.resumes,
    })
    const greeting = call.firstMessage ?? agent.greeting
    if (turns.length > 0) conversation.say(agent.phrases.resumed)
    else if (greeting !== "") {
      voice.spokenByTwilio(greeting)
      conversation.greeted(greeting)
    }
  }

  #hear(frame: RelayInbound, { conversation, voice }: Extract<State, { phase: "live" }>): void {
    switch (frame.type) {
      case "prompt":
        // Partials are replaced by the finished prompt, which is the one that is answered.
        if (frame.last) conversation.hear(frame.text, { lang: frame.lang ?? undefined })
        return
      case "interrupt":
        // First the history, which asks whether the agent was still audible.
        conversation.interrupt(frame.heard, { durationMs: frame.heardMs ?? undefined })
        voice.interrupted()
        return
      case "dtmf":
        conversation.press(frame.digit)
        return
      case "info":
        if (frame.name === "agentSpeaking") voice.agentSpeaking(frame.on)
        if (frame.name === "tokensPlayed") {
          voice.playedKnown = true
          conversation.played(frame.text)
        }
        return
      case "error":
        this.#log.warn("Twilio reported an error", { code: frame.code, pii: frame.description })
        this.#publish({ type: "relay.failed", description: frame.description.slice(0, 500) })
        return
      case "setup":
        this.#log.warn("a second setup frame was ignored")
        return
      case "unknown":
        this.#log.debug("a frame of an unknown type was ignored", { frame: frame.name })
        return
      default:
        frame satisfies never
    }
  }

  /** The agent of the call, with the context and manifest that the parameters name; unknown keys leave the default. */
  #agentFor(parameters: Parameters): Agent {
    const { assets, call } = this.#options
    const number = call.direction === "inbound" ? call.to : call.from
    const keys = { contextKey: parameters["contextKey"], manifestKey: parameters["manifestKey"] }
    for (const chosen of [keys, { contextKey: keys.contextKey }, { manifestKey: keys.manifestKey }, {}]) {
      try {
        return assets.agentFor({ agent: call.agent, number, ...chosen })
      } catch (error) {
        this.#log.warn("a key given with the call is unknown; going on without it", {
          error: messageOf(error),
        })
      }
    }
    // The configuration lost this agent while the call was ringing.
    return assets.agentFor({})
  }

  #runTool(toolCall: { name: string; arguments: string }, agent: Agent) {
    const { call, tools, sweep, times } = this.#options
    const declared = new Set(agent.manifest.tools.map(({ name }) => name))
    return runTool(toolCall, {
      tools: new Map([...tools].filter(([name]) => declared.has(name))),
      context: {
        callId: call.id,
        callSid: call.sid,
        peer: call.direction === "inbound" ? call.from : call.to,
      },
      timeoutMs: times.toolMs,
      sweep,
      log: this.#log,
    })
  }

  #reject(reason: string): void {
    this.#badFrames += 1
    if (this.#badFrames > LOGGED_BAD_FRAMES && this.#badFrames % 100 !== 0) return
    this.#log.warn("frame dropped", { reason, badFrames: this.#badFrames })
    this.#publish({ type: "frame.rejected", reason: reason.slice(0, 200) })
  }

  #publish(event: CallEvent): void {
    const { call, recorder, sweep } = this.#options
    recorder.event({ callId: call.id, callSid: call.sid, at: sweep.clock.now(), event })
  }
}
