/**
 * One socket of a call from its first frame to its close: whose call it is, which frames wait until the session is open,
 * and what is recorded of it. Knows no protocol; what is said is the engine's.
 */

import type { Call, Parameters } from "../call/call.ts"
import type { CallEvent } from "../call/events.ts"
import { TOKEN_PARAMETER, type CallSid } from "../call/ids.ts"
import type { LiveCall, LiveCalls } from "../call/live-calls.ts"
import type { Recorder } from "../call/recorder.ts"
import type { SessionStart } from "../call/session-start.ts"
import { BadFrames } from "../lib/bad-frames.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Socket } from "../lib/socket.ts"
import type { SmsSender } from "../tools/define-tool.ts"
import type { SessionCaller } from "./caller-profile.ts"
import type { CallContext, CallTimes } from "./call-context.ts"
import { WaitingFrames, type WaitingFramesLimit } from "./waiting-frames.ts"

/** A conversation as its socket holds it. Implemented by each engine. */
export interface SessionEngine extends LiveCall {
  /** The socket is closed. Calls `onSettled` once everything that was said is recorded. */
  closed(onSettled: () => void): void
}

/** What the first frame says about the call. */
export type FirstFrame = {
  callSid: CallSid
  /** Twilio's id of the session or stream. */
  sessionId: string
  customParameters: Parameters
}

/** Finds the call of a socket whose address names none. `isWanted` becomes false when the socket is closed meanwhile. */
export type ClaimCall = (first: FirstFrame, isWanted: () => boolean) => Promise<Claimed>
export type Claimed = { ok: true; call: Call } | { ok: false; reason: string }

export type CallSessionOptions = Pick<
  CallContext,
  "assets" | "toolsFor" | "lifecycle" | "times" | "sweep" | "log"
> & {
  socket: Socket
  /** The call, or how it is found once the first frame has come. */
  call: Call | ClaimCall
  recorder: Recorder
  liveCalls: LiveCalls
  times: CallTimes & {
    /** Longest wait until the session is open, in milliseconds. */
    setupMs: number
  }
}

/** What the protocol of the socket decides. */
export type SessionProtocol = {
  /** Name of the frame that opens a session. */
  firstFrame: "setup" | "start"
  /** What may wait while the session is being opened. */
  waiting: WaitingFramesLimit
  /** Takes a frame that waited. */
  deliver: (text: string) => void
}

const NOT_OPENED = "the session could not be opened"

type State<Live> =
  | { phase: "awaiting-first-frame" }
  | { phase: "opening"; waiting: WaitingFrames }
  | { phase: "live"; call: Call; live: Live; leave: () => void }
  | { phase: "closed" }

export class CallSession<Live extends SessionEngine> {
  readonly #options: CallSessionOptions
  readonly #protocol: SessionProtocol
  readonly #badFrames = new BadFrames()
  readonly #cancelDeadline: () => void
  #state: State<Live> = { phase: "awaiting-first-frame" }
  /** Undefined until it is claimed. */
  #call: Call | undefined
  #log: Log

  constructor(options: CallSessionOptions, protocol: SessionProtocol) {
    this.#options = options
    this.#protocol = protocol
    this.#log = options.log
    if (typeof options.call !== "function") this.#identify(options.call)
    const { sweep, times } = options
    this.#cancelDeadline = sweep.after(times.setupMs, () => this.#late())
  }

  get state(): State<Live> {
    return this.#state
  }

  /** That of the call, once it is known. */
  get log(): Log {
    return this.#log
  }

  /** The first frame has come: claims the call and opens its session. Frames that come meanwhile must go to `wait`. */
  open(first: FirstFrame, create: (context: CallContext) => Live): void {
    const waiting = new WaitingFrames(this.#protocol.waiting)
    this.#state = { phase: "opening", waiting }
    this.#log.background("opening a session", this.#open(first, waiting, create))
  }

  /** Keeps a frame until the session is open. */
  wait(text: string): void {
    const state = this.#state
    if (state.phase !== "opening" || state.waiting.add(text)) return
    this.refuse(1008, "too many frames before the session was open")
  }

  /** A frame makes no sense. Twilio may send many of them: not each is recorded. */
  reject(reason: string): void {
    if (!this.#badFrames.add()) return
    this.#log.warn("frame dropped", { reason, badFrames: this.#badFrames.count })
    if (this.#call) this.#publish(this.#call, { type: "frame.rejected", reason: reason.slice(0, 200) })
  }

  /** Closes a socket that will have no session. */
  refuse(code: number, reason: string): void {
    this.#cancelDeadline()
    this.#state = { phase: "closed" }
    this.#options.socket.close(code, reason)
  }

  /** The socket is closed. */
  closed(code: number, reason: string): void {
    const state = this.#state
    if (state.phase === "closed") return
    this.#state = { phase: "closed" }
    this.#cancelDeadline()
    if (state.phase === "live") {
      state.leave()
      this.#settle(state.live)
    }
    if (!this.#call) return
    const shortReason = reason.slice(0, 120)
    this.#publish(this.#call, { type: "session.closed", code, reason: shortReason })
    this.#options.recorder.flush()
    this.#log.info("session closed", { engine: this.#call.engine, code, reason: shortReason })
  }

  async #open(
    first: FirstFrame,
    waiting: WaitingFrames,
    create: (context: CallContext) => Live,
  ): Promise<void> {
    const { callSid } = first
    const isWanted = () => this.#state.phase === "opening"
    try {
      const claimed = await this.#claim(first, isWanted)
      if (!isWanted()) return
      if (!claimed.ok) {
        this.#log.warn("session refused", { callSid, reason: claimed.reason })
        return this.refuse(4403, claimed.reason)
      }
      const { call } = claimed
      this.#identify(call)
      if (call.sid !== callSid) {
        const reason = `${this.#protocol.firstFrame} is of another call`
        this.#log.warn("session refused", { reason, claimedCallSid: callSid })
        return this.refuse(4403, reason)
      }
      const { lifecycle, liveCalls } = this.#options
      // Asked before anything of this session is recorded.
      const [start, sms, caller] = await Promise.all([
        lifecycle.sessionStart(call.id),
        lifecycle.smsSender(call),
        lifecycle.caller(call),
      ])
      if (!isWanted()) return
      if (liveCalls.isHeld(call.id)) {
        const reason = "the call has another session"
        this.#log.warn("session refused", { reason })
        return this.refuse(4409, reason)
      }
      this.#goLive(first, create, { call, start, sms, caller })
    } catch (error) {
      // Twilio then requests the next step, which may open a new socket.
      this.#log.error("session could not be opened", { callSid, error: messageOf(error) })
      return this.refuse(1011, NOT_OPENED)
    }
    for (const text of waiting.take()) this.#deliver(text)
  }

  async #claim(first: FirstFrame, isWanted: () => boolean): Promise<Claimed> {
    const { call } = this.#options
    return typeof call === "function" ? call(first, isWanted) : { ok: true, call }
  }

  #goLive(
    { sessionId, customParameters }: FirstFrame,
    create: (context: CallContext) => Live,
    {
      call,
      start,
      sms,
      caller,
    }: { call: Call; start: SessionStart; sms: SmsSender | undefined; caller: SessionCaller },
  ): void {
    const { lifecycle, recorder, liveCalls, assets, toolsFor, times, sweep } = this.#options
    const { [TOKEN_PARAMETER]: _, ...given } = customParameters
    const { engine, resumes } = call
    lifecycle.opened(call.id, sessionId)
    this.#publish(call, { type: "session.opened", engine, sessionId, resume: resumes })
    this.#log.info("session opened", { engine, sessionId, resume: resumes })
    const live = this.#created(call, create, {
      call,
      parameters: { ...call.parameters, ...given },
      start,
      assets,
      toolsFor,
      sms,
      caller: caller.profile,
      remember: lifecycle.remember(call),
      lifecycle,
      keep: (turn) => recorder.turn(turn),
      publish: (event) => this.#publish(call, event),
      times,
      sweep,
      log: this.#log,
    })
    this.#cancelDeadline()
    // The first words may already have found the socket closed.
    if (this.#state.phase !== "opening") return this.#settle(live)
    this.#state = { phase: "live", call, live, leave: liveCalls.add(live) }
    caller.opened()
  }

  /** An engine that fails to open has no socket whose close would end the session that was reported as opened. */
  #created(call: Call, create: (context: CallContext) => Live, context: CallContext): Live {
    try {
      return create(context)
    } catch (error) {
      if (this.#state.phase === "opening")
        this.#publish(call, { type: "session.closed", code: 1011, reason: NOT_OPENED })
      throw error
    }
  }

  /** Whatever an engine does, the call is settled at some time: what follows it waits for that. */
  #settle(live: Live): void {
    const onSettled = this.#options.liveCalls.settle(live.callId)
    try {
      live.closed(onSettled)
    } catch (error) {
      onSettled()
      this.#log.error("session failed when it was closed", { error: messageOf(error) })
    }
  }

  /** A fault in one frame does not lose those behind it. */
  #deliver(text: string): void {
    try {
      this.#protocol.deliver(text)
    } catch (error) {
      this.#log.error("frame failed", { error: messageOf(error) })
    }
  }

  #identify(call: Call): void {
    this.#call = call
    this.#log = this.#options.log.with({ callSid: call.sid })
  }

  #late(): void {
    const isOpening = this.#state.phase === "opening"
    const reason = isOpening
      ? "the call was not confirmed in time"
      : `no ${this.#protocol.firstFrame} frame came`
    this.#log.warn("session not opened in time", { reason, waitedMs: this.#options.times.setupMs })
    this.refuse(4408, reason)
  }

  #publish(call: Call, event: CallEvent): void {
    const { recorder, sweep } = this.#options
    recorder.event({ callId: call.id, callSid: call.sid, at: sweep.clock.now(), event })
  }
}
