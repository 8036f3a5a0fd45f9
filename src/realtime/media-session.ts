/** One media socket of a realtime call: its phases from the first frame to the close. What is said is `RealtimeCall`'s. */

import type { Agent } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import type { CallEvent } from "../call/events.ts"
import { TOKEN_PARAMETER, type CallId } from "../call/ids.ts"
import type { LiveCalls } from "../call/live-calls.ts"
import type { Recorder } from "../call/recorder.ts"
import type { Usage } from "../call/usage.ts"
import type { SessionStart } from "../call/session-start.ts"
import { BadFrames } from "../lib/bad-frames.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Socket, SocketSession } from "../lib/socket.ts"
import { MediaStream } from "../media/media-stream.ts"
import {
  parseMediaFrame,
  sliceInboundMark,
  sliceInboundMedia,
  type MediaInbound,
  type MediaStart,
} from "../twilio/media-messages.ts"
import type { CallerAudio } from "../media/caller-audio.ts"
import type { RealtimeCallOptions } from "./call-options.ts"
import { RealtimeCall } from "./realtime-call.ts"

export type RealtimeSessionOptions = Omit<
  RealtimeCallOptions,
  "call" | "sms" | "onAgent" | "keep" | "keepUsage" | "publish"
> & {
  socket: Socket
  /** The call, or how it is found by the token among the parameters of the first frame, once. */
  call: Call | ((token: string) => Call | undefined)
  smsFor: (call: Call) => RealtimeCallOptions["sms"]
  /** Whether the caller was here before, and why again. */
  sessionStartOf: (callId: CallId) => SessionStart
  /** Told of the stream's Twilio id once it is known. */
  onStart: (callId: CallId, streamSid: string) => void
  /** Told with which agent the call goes on. */
  onAgent: (callId: CallId, agent: Agent) => void
  /** Told when Twilio says that the stream is over: as a rule the caller has hung up. */
  onStop: (callId: CallId) => void
  keepUsage: (callId: CallId, usage: Usage) => void
  recorder: Recorder
  liveCalls: LiveCalls
  times: RealtimeCallOptions["times"] & {
    /** Longest wait for the first frames, in milliseconds. */
    setupMs: number
  }
}

type Live = { phase: "live"; call: Call; live: RealtimeCall; stop: () => void; stopped: boolean }
type State = { phase: "awaiting-start" } | Live | { phase: "closed" }

/**
 * Sound comes fifty times a second, silence included: a stream that is without it twice in a row is dead. So is a peer
 * that has not answered a ping before the next one, which comes at every second look.
 */
const LOOK_EVERY_MS = 15_000
/** The format of every stream that is documented. (Twilio: "Media Streams: WebSocket messages".) */
const ENCODING = "audio/x-mulaw"

export class RealtimeSession implements SocketSession {
  /** Where the caller's sound goes while the session is live. */
  #sound: CallerAudio | undefined
  #framesSeen = 0
  #hasPonged = true
  #state: State = { phase: "awaiting-start" }
  readonly #options: RealtimeSessionOptions
  readonly #badFrames = new BadFrames()
  readonly #cancelDeadline: () => void
  #log: Log

  constructor(options: RealtimeSessionOptions) {
    this.#options = options
    this.#log = options.log
    const { sweep, times } = options
    this.#cancelDeadline = sweep.after(times.setupMs, () => {
      this.#log.warn("no start frame came", { waitedMs: times.setupMs })
      this.#refuse(4408, "no start frame came")
    })
  }

  receive(text: string): void {
    const payload = this.#sound && sliceInboundMedia(text)
    if (payload !== undefined) {
      this.#framesSeen += 1
      return this.#sound?.hear(payload)
    }
    const state = this.#state
    if (state.phase === "live") {
      const mark = sliceInboundMark(text)
      if (mark !== undefined) return state.live.reached(mark)
    }
    if (state.phase === "closed") return
    const parsed = parseMediaFrame(text)
    if (!parsed.ok) return this.#reject(parsed.reason)
    const { frame } = parsed
    switch (state.phase) {
      case "awaiting-start":
        if (frame.type === "start") return this.#start(frame)
        if (frame.type !== "connected") this.#reject(`'${frame.type}' came before 'start'`)
        return
      case "live":
        return this.#hear(state, frame)
      default:
        state satisfies never
    }
  }

  ponged(): void {
    this.#hasPonged = true
  }

  closed(code: number, reason: string): void {
    const state = this.#state
    if (state.phase === "closed") return
    this.#state = { phase: "closed" }
    this.#sound = undefined
    this.#cancelDeadline()
    if (state.phase !== "live") return
    state.stop()
    state.live.closed(this.#options.liveCalls.settle(state.call.id))
    this.#publish(state.call, { type: "session.closed", code, reason: reason.slice(0, 120) })
    this.#options.recorder.flush()
    this.#log.info("media stream closed", { code, reason: reason.slice(0, 120) })
    if (state.stopped) this.#options.onStop(state.call.id)
  }

  #hear(state: Live, frame: MediaInbound): void {
    switch (frame.type) {
      case "media":
        this.#framesSeen += 1
        if (frame.track === "inbound") state.live.sound.hear(frame.payload)
        return
      case "mark":
        return state.live.reached(frame.name)
      case "dtmf":
        return state.live.press(frame.digit)
      case "stop":
        // Twilio closes the socket next; if it does not, nobody is there all the same.
        state.stopped = true
        return this.#options.socket.close(1000, "the stream was stopped")
      case "connected":
      case "start":
        return this.#log.warn("a second opening of a stream was ignored", { frame: frame.type })
      case "unknown":
        return this.#log.debug("a frame of an unknown type was ignored", { frame: frame.name })
      default:
        frame satisfies never
    }
  }

  #start(start: MediaStart): void {
    this.#cancelDeadline()
    const { call: known } = this.#options
    const token = start.customParameters[TOKEN_PARAMETER] ?? ""
    try {
      const call = typeof known === "function" ? known(token) : known
      if (!call) {
        this.#log.warn("stream refused, its token is unknown, used or expired", { callSid: start.callSid })
        return this.#refuse(4403, "the token is unknown, used or expired")
      }
      this.#log = this.#options.log.with({ callSid: call.sid })
      if (start.callSid !== call.sid) {
        this.#log.warn("stream is of another call", { startCallSid: start.callSid })
        return this.#refuse(4403, "the stream is of another call")
      }
      const { encoding, sampleRateHz } = start.format
      if (encoding !== ENCODING || sampleRateHz !== 8_000) {
        this.#log.error("stream of another format", { encoding, sampleRateHz })
        return this.#refuse(4400, "the format of the stream is not mu-law at 8 kHz")
      }
      this.#open(call, start)
    } catch (error) {
      // Twilio then runs the next verb, and may be told to open a fresh stream.
      this.#log.error("realtime session could not be opened", { error: messageOf(error) })
      if (this.#state.phase === "live") this.#options.socket.close(1011, "the session could not be opened")
      else this.#refuse(1011, "the session could not be opened")
    }
  }

  #open(call: Call, { streamSid, customParameters }: MediaStart): void {
    const { recorder, liveCalls, socket, sweep, sessionStartOf, onStart, onAgent, smsFor, keepUsage } =
      this.#options
    const { [TOKEN_PARAMETER]: _, ...given } = customParameters
    // Asked before anything of this session is recorded.
    const start = sessionStartOf(call.id)
    onStart(call.id, streamSid)
    this.#publish(call, {
      type: "session.opened",
      engine: "realtime",
      sessionId: streamSid,
      resume: call.resumes,
    })
    this.#log.info("media stream opened", { streamSid, resume: call.resumes })
    const stream = new MediaStream({ socket, streamSid, clock: sweep.clock })
    const options: RealtimeCallOptions = {
      ...this.#options,
      call,
      sms: smsFor(call),
      log: this.#log,
      onAgent: (agent) => onAgent(call.id, agent),
      keep: (turn) => recorder.turn(turn),
      keepUsage: (usage) => keepUsage(call.id, usage),
      publish: (event) => this.#publish(call, event),
    }
    const live = new RealtimeCall(options, { stream, parameters: { ...call.parameters, ...given }, start })
    const leave = liveCalls.add(live)
    const cancelWatch = this.#watch()
    const stop = () => {
      cancelWatch()
      leave()
    }
    this.#state = { phase: "live", call, live, stop, stopped: false }
    this.#sound = live.sound
  }

  /** A stream without a sign of life is given up; Twilio, if it is still there, then asks how to go on. */
  #watch(): () => void {
    const { socket, sweep } = this.#options
    let seen = 0
    let missed = 0
    let looks = 0
    return sweep.every(LOOK_EVERY_MS, () => {
      missed = this.#framesSeen === seen ? missed + 1 : 0
      seen = this.#framesSeen
      looks += 1
      if (missed >= 2) {
        this.#log.warn("stream is silent and given up", { silentMs: missed * LOOK_EVERY_MS })
        return socket.close(1011, "no sound came")
      }
      if (!socket.ping || looks % 2 === 0) return
      if (!this.#hasPonged) {
        this.#log.warn("stream answers no pings and is given up")
        return socket.close(1011, "no pong came")
      }
      this.#hasPonged = false
      socket.ping()
    })
  }

  #refuse(code: number, reason: string): void {
    this.#cancelDeadline()
    this.#state = { phase: "closed" }
    this.#options.socket.close(code, reason)
  }

  #reject(reason: string): void {
    if (!this.#badFrames.add()) return
    this.#log.warn("frame dropped", { reason, badFrames: this.#badFrames.count })
    if (this.#state.phase === "live") {
      this.#publish(this.#state.call, { type: "frame.rejected", reason: reason.slice(0, 200) })
    }
  }

  #publish(call: Call, event: CallEvent): void {
    const { recorder, sweep } = this.#options
    recorder.event({ callId: call.id, callSid: call.sid, at: sweep.clock.now(), event })
  }
}
