/** One ConversationRelay socket: its phases from the first frame to the close. What is said in between is `RelayCall`'s. */

import type { Agent } from "../assets/agent.ts"
import type { CallEvent } from "../call/events.ts"
import { TOKEN_PARAMETER, type CallId } from "../call/ids.ts"
import type { LiveCalls } from "../call/live-calls.ts"
import type { Recorder } from "../call/recorder.ts"
import type { SessionStart } from "../call/session-start.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { SocketSession } from "../lib/socket.ts"
import { parseRelayFrame, type RelaySetup } from "../twilio/relay-messages.ts"
import { BadFrames } from "../lib/bad-frames.ts"
import { RelayCall, type RelayCallOptions } from "./relay-call.ts"

export type RelaySessionOptions = Omit<RelayCallOptions, "onAgent" | "keep" | "publish"> & {
  /** Whether the caller was here before, and why again. */
  sessionStartOf: (callId: CallId) => SessionStart
  /** Told of the session's Twilio id once it is known. */
  onSetup: (callId: CallId, sessionId: string) => void
  /** Told with which agent the call goes on. */
  onAgent: (callId: CallId, agent: Agent) => void
  recorder: Recorder
  liveCalls: LiveCalls
  times: RelayCallOptions["times"] & {
    /** Longest wait for the first frame, in milliseconds. */
    setupMs: number
  }
}

type State =
  | { phase: "awaiting-setup"; cancelDeadline: () => void }
  | { phase: "live"; call: RelayCall; leave: () => void }
  | { phase: "closed" }

export class RelaySession implements SocketSession {
  readonly #options: RelaySessionOptions
  readonly #log: Log
  readonly #badFrames = new BadFrames()
  #state: State

  constructor(options: RelaySessionOptions) {
    this.#options = options
    this.#log = options.log.with({ callSid: options.call.sid })
    const cancelDeadline = options.sweep.after(options.times.setupMs, () => {
      this.#log.warn("no setup frame came", { waitedMs: options.times.setupMs })
      this.#refuse(4408, "no setup frame came")
    })
    this.#state = { phase: "awaiting-setup", cancelDeadline }
  }

  receive(text: string): void {
    const state = this.#state
    if (state.phase === "closed") return
    const parsed = parseRelayFrame(text)
    if (!parsed.ok) return this.#reject(parsed.reason)
    switch (state.phase) {
      case "awaiting-setup":
        if (parsed.frame.type !== "setup") {
          return this.#reject(`First frame was '${parsed.frame.type}', expected 'setup'`)
        }
        state.cancelDeadline()
        return this.#setUp(parsed.frame)
      case "live":
        if (parsed.frame.type !== "setup") return state.call.hear(parsed.frame)
        return this.#log.warn("a second setup frame was ignored")
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
      state.call.closed()
      state.leave()
    }
    this.#publish({ type: "session.closed", code, reason: reason.slice(0, 120) })
    this.#options.recorder.flush()
    this.#log.info("relay session closed", { code, reason: reason.slice(0, 120) })
  }

  #setUp(setup: RelaySetup): void {
    if (setup.callSid !== this.#options.call.sid) {
      this.#log.warn("setup is of another call", { setupCallSid: setup.callSid })
      return this.#refuse(4403, "setup is of another call")
    }
    try {
      this.#open(setup)
    } catch (error) {
      // Twilio then asks what to do, and may be told to open a fresh socket.
      this.#log.error("relay session could not be opened", { error: messageOf(error) })
      if (this.#state.phase === "live") this.#options.socket.close(1011, "the session could not be opened")
      else this.#refuse(1011, "the session could not be opened")
    }
  }

  #refuse(code: number, reason: string): void {
    this.#state = { phase: "closed" }
    this.#options.socket.close(code, reason)
  }

  #open(setup: RelaySetup): void {
    const { call, recorder, liveCalls, sessionStartOf, onSetup, onAgent } = this.#options
    const { [TOKEN_PARAMETER]: _, ...given } = setup.customParameters
    // Asked before anything of this session is recorded.
    const start = sessionStartOf(call.id)
    onSetup(call.id, setup.sessionId)
    const { sessionId } = setup
    this.#publish({ type: "session.opened", engine: "relay", sessionId, resume: call.resumes })
    this.#log.info("relay session opened", { sessionId, resume: call.resumes })
    const options: RelayCallOptions = {
      ...this.#options,
      log: this.#log,
      onAgent: (agent) => onAgent(call.id, agent),
      keep: (turn) => recorder.turn(turn),
      publish: (event) => this.#publish(event),
    }
    const live = new RelayCall(options, setup, { ...call.parameters, ...given }, start)
    this.#state = { phase: "live", call: live, leave: liveCalls.add(live) }
  }

  #reject(reason: string): void {
    if (!this.#badFrames.add()) return
    this.#log.warn("frame dropped", { reason, badFrames: this.#badFrames.count })
    this.#publish({ type: "frame.rejected", reason: reason.slice(0, 200) })
  }

  #publish(event: CallEvent): void {
    const { call, recorder, sweep } = this.#options
    recorder.event({ callId: call.id, callSid: call.sid, at: sweep.clock.now(), event })
  }
}
