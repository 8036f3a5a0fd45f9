/** One connection to a speech-to-speech model: opens, configures the session, carries events and audio, and ends once. */

import type { SocketEnd } from "../../lib/client-socket.ts"
import { messageOf } from "../../lib/errors.ts"
import type { Log } from "../../lib/log.ts"
import { SocketLiveness, type LivenessTimes } from "../../lib/socket-liveness.ts"
import type { Sweep } from "../../lib/sweep.ts"
import { encodeSessionUpdate } from "../protocol/client-events.ts"
import type { ConnectModel, RealtimeSocket, RealtimeSocketEvents } from "./websocket.ts"
import {
  parseRealtimeEvent,
  type RealtimeError,
  type RealtimeEvent,
  type SessionFacts,
} from "../protocol/server-events.ts"
import { PHONE_FORMAT } from "../protocol/session-update.ts"

/** Why a connection ended. `retryable`: a new one may succeed, at once or, with status 429, after a while. */
export type ConnectionFailure = {
  reason: "timeout" | "refused" | "unreachable" | "settings-refused" | "expired" | "closed" | "stalled"
  retryable: boolean
  /** HTTP status of a refused upgrade, else null. */
  status: number | null
  /** The server's error code, where it sent one. */
  code?: string | undefined
  /** May quote the server: never logged. */
  message: string
}

export interface RealtimeConnectionEvents {
  /** Once, when the server has confirmed the session settings. */
  ready(): void
  /** Every event of the server in order, except ignored and malformed ones. Also before `ready`. */
  event(event: RealtimeEvent): void
  /** Once, when the connection failed or the server closed it; the last event. Never after `close`. */
  lost(failure: ConnectionFailure): void
}

export type RealtimeConnectionOptions = {
  connect: ConnectModel
  /** The session object; see `sessionFor`. */
  session: object
  /** Whether `session` is the one that was read last; if not, it is sent again before the connection is ready. */
  isSessionCurrent?: () => boolean
  /** Frames to send once the settings are confirmed, before anything else: the conversation so far. */
  prelude?: readonly string[]
  events: RealtimeConnectionEvents
  /** Longest wait from the start until the server has confirmed the settings, in milliseconds. */
  connectMs: number
  liveness: LivenessTimes
  sweep: Sweep
  log: Log
}

/** A connection with more unsent data than this is closed. */
const MAX_BUFFER_BYTES = 4 * 1024 * 1024
/** How long the server may take to answer a close before the socket is terminated. */
const CLOSE_TIMEOUT_MS = 1_000
/** Malformed frames that are logged one by one; after that every hundredth. */
const LOGGED_BAD_FRAMES = 10
const FIRST_UPDATE = "session_1"

type Phase = "connecting" | "configuring" | "ready" | "closed"

export class RealtimeConnection implements RealtimeSocketEvents {
  #phase: Phase = "connecting"
  readonly #events: RealtimeConnectionEvents
  readonly #options: RealtimeConnectionOptions
  readonly #log: Log
  /** Once the connection is ready, the caller's audio is sent directly to the socket. */
  readonly socket: RealtimeSocket
  readonly #cancelDeadline: () => void
  #expiresAt: number | null = null
  #badFrames = 0
  #updates = 1
  #cancelCut = () => {}
  /** Undefined until the socket is open: before, `connectMs` is the limit. */
  #liveness: SocketLiveness | undefined

  constructor(options: RealtimeConnectionOptions) {
    const { connect, connectMs, sweep, log } = options
    this.#events = options.events
    this.#options = options
    this.#log = log
    this.#cancelDeadline = sweep.after(connectMs, () =>
      this.#lose({
        reason: "timeout",
        retryable: true,
        message:
          this.#phase === "connecting" ? "the model did not answer" : "the settings were not confirmed",
      }),
    )
    this.socket = connect(this)
  }

  get isReady(): boolean {
    return this.#phase === "ready"
  }

  /** When the server will end the session, in monotonic milliseconds; null while not known. */
  get expiresAt(): number | null {
    return this.#expiresAt
  }

  /** Sends one frame of `client-events.ts`. False: the connection is not ready, and the frame is dropped. */
  send(text: string): boolean {
    if (this.#phase !== "ready") return false
    this.#write(text)
    return this.#isOpen
  }

  /** Changes the session. Returns the `event_id` that an error about it will name; null when not ready. */
  update(session: object): string | null {
    if (this.#phase !== "ready") return null
    this.#updates += 1
    const eventId = `session_${this.#updates}`
    this.#write(encodeSessionUpdate(session, eventId))
    return eventId
  }

  /** Ends the connection. Closing twice, or after it was lost, is harmless. */
  close(code = 1000, reason = ""): void {
    if (!this.#end()) return
    this.#cancelCut = this.#options.sweep.after(CLOSE_TIMEOUT_MS, () => this.socket.terminate())
    this.socket.close(code, reason)
  }

  /** The socket is open. */
  opened(): void {
    this.#guard(() => {
      if (this.#phase !== "connecting") return
      this.#phase = "configuring"
      this.#watch()
      this.#write(encodeSessionUpdate(this.#options.session, FIRST_UPDATE))
    })
  }

  /** A text frame has arrived. */
  text(text: string): void {
    this.#liveness?.seen()
    // Like `#guard`, without allocating a function for each frame.
    try {
      this.#receive(text)
    } catch (error) {
      this.#failed(error)
    }
  }

  ponged(): void {
    this.#liveness?.seen()
  }

  /** The socket has closed. */
  closed(end: SocketEnd): void {
    this.#guard(() => this.#closed(end))
  }

  get #isOpen(): boolean {
    return this.#phase !== "closed"
  }

  #receive(text: string): void {
    if (this.#phase === "closed") return
    const event = parseRealtimeEvent(text)
    if (event.type === "ignored") return
    if (event.type === "malformed") return this.#reject(event.reason)
    if (event.type === "error" && this.#isFatal(event.error)) return
    if (event.type === "session-created" || event.type === "session-updated") {
      this.#expiresAt = this.#expiryOf(event) ?? this.#expiresAt
    }
    this.#events.event(event)
    if (event.type === "session-updated" && this.#phase === "configuring") this.#configured(event)
  }

  /** Undefined: the server names no time, or one that is over: then one of the two clocks is wrong. */
  #expiryOf({ expiresAtMs }: SessionFacts): number | undefined {
    const { clock } = this.#options.sweep
    const leftMs = (expiresAtMs ?? 0) - clock.now()
    return leftMs > 0 ? clock.monotonic() + leftMs : undefined
  }

  /** Most errors leave a session as it was; these two end it. */
  #isFatal({ code, kind, message }: RealtimeError): boolean {
    if (code === "session_expired") this.#lose({ reason: "expired", retryable: true, message, code })
    else if (this.#phase === "configuring") {
      // Without its settings the session treats mu-law as PCM: noise in both directions.
      this.#lose({
        reason: "settings-refused",
        retryable: kind === "server_error",
        message,
        code: code ?? undefined,
      })
    } else return false
    return true
  }

  #configured({ inputFormat, outputFormat }: SessionFacts): void {
    // A server that names no format has most likely not accepted ours: mu-law that is decoded as PCM is noise to both sides.
    const other = [inputFormat, outputFormat].find((format) => format !== PHONE_FORMAT)
    if (other !== undefined) {
      const message = `the server must confirm ${PHONE_FORMAT} for input and output, its session has ${other ?? "no format"}`
      return this.#lose({ reason: "settings-refused", retryable: false, message })
    }
    const { isSessionCurrent = () => true } = this.#options
    if (!isSessionCurrent()) return this.#write(encodeSessionUpdate(this.#options.session, FIRST_UPDATE))
    this.#cancelDeadline()
    this.#phase = "ready"
    for (const frame of this.#options.prelude ?? []) this.#write(frame)
    if (this.isReady) this.#events.ready()
  }

  #watch(): void {
    const { liveness: times, sweep } = this.#options
    this.#liveness = new SocketLiveness({
      socket: this.socket,
      times,
      sweep,
      onLost: (message) => this.#lose({ reason: "stalled", retryable: true, message }),
    })
  }

  #write(text: string): void {
    if (!this.#isOpen) return
    if (this.socket.bufferedAmount <= MAX_BUFFER_BYTES) this.socket.send(text)
    else this.#lose({ reason: "stalled", retryable: true, message: "the send buffer is full" })
  }

  #closed({ code, reason, opened, refusedStatus }: SocketEnd): void {
    this.#cancelCut()
    if (refusedStatus !== null) {
      // Rate limits and server errors pass; a wrong key or an unknown model does not.
      const retryable = refusedStatus === 429 || refusedStatus >= 500
      const message = `the model refused the connection with status ${refusedStatus}`
      return this.#lose({ reason: "refused", retryable, status: refusedStatus, message })
    }
    if (!opened) return this.#lose({ reason: "unreachable", retryable: true, message: "no connection" })
    const expired = code === 1001 || (this.#expiresAt ?? Infinity) <= this.#options.sweep.clock.monotonic()
    const message = `closed with ${code}${reason === "" ? "" : `: ${reason.slice(0, 120)}`}`
    this.#lose({ reason: expired ? "expired" : "closed", retryable: true, message })
  }

  #lose({ status = null, ...failure }: Omit<ConnectionFailure, "status"> & { status?: number | null }): void {
    if (!this.#end()) return
    this.socket.terminate()
    const { reason, code, retryable } = failure
    this.#log.info("model connection lost", { reason, code, retryable, status })
    this.#events.lost({ ...failure, status })
  }

  /** Returns whether the connection was open until now. */
  #end(): boolean {
    if (this.#phase === "closed") return false
    this.#phase = "closed"
    this.#cancelDeadline()
    this.#liveness?.stop()
    return true
  }

  #reject(reason: string): void {
    this.#badFrames += 1
    if (this.#badFrames > LOGGED_BAD_FRAMES && this.#badFrames % 100 !== 0) return
    this.#log.warn("malformed frame of the model dropped", { reason, badFrames: this.#badFrames })
  }

  /** An exception in an event handler must not end the process. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    this.#log.error("handler of a model event failed", { error: messageOf(error) })
  }
}
