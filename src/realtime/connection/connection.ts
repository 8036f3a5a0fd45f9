/** One connection to a speech-to-speech model: opens, is configured, carries events and audio, and ends once. */

import { messageOf } from "../../lib/errors.ts"
import type { Log } from "../../lib/log.ts"
import type { Sweep } from "../../lib/sweep.ts"
import { encodeSessionUpdate } from "../protocol/client-events.ts"
import type { ConnectModel, RealtimeSocket, RealtimeSocketEvents, SocketEnd } from "./websocket.ts"
import {
  parseRealtimeEvent,
  type RealtimeError,
  type RealtimeEvent,
  type SessionFacts,
} from "../protocol/server-events.ts"
import { PHONE_FORMAT } from "../protocol/session-update.ts"

/** Why a link is gone. `retryable`: a new one may succeed, at once or, with status 429, after a while. */
export type ConnectionFailure = {
  reason: "timeout" | "refused" | "unreachable" | "settings-refused" | "expired" | "closed" | "stalled"
  retryable: boolean
  /** HTTP status of a refused upgrade, else null. */
  status: number | null
  message: string
}

export interface RealtimeConnectionEvents {
  /** Once, when the server has taken the settings. */
  ready(): void
  /** Every event of the server in its order, except those that nobody needs. Also before `ready`. */
  event(event: RealtimeEvent): void
  /** Once, when the link failed or was closed by the other side; nothing comes after it. Never after `close`. */
  lost(failure: ConnectionFailure): void
}

export type RealtimeConnectionOptions = {
  connect: ConnectModel
  /** The session object; see `sessionFor`. */
  session: object
  /** Frames to send once the settings are taken, before anything else: the history of a conversation taken over. */
  prelude?: readonly string[]
  events: RealtimeConnectionEvents
  /** Longest wait from the start until the server has taken the settings, in milliseconds. */
  connectMs: number
  sweep: Sweep
  log: Log
}

/** A connection that has this much unsent is taken for dead. */
const MAX_BUFFER_BYTES = 4 * 1024 * 1024
/** How long a peer may take to answer a close before the connection is cut. */
const CLOSE_TIMEOUT_MS = 1_000
/** Bad frames that are logged one by one; after that only every hundredth. */
const LOGGED_BAD_FRAMES = 10
const FIRST_UPDATE = "session_1"

type Phase = "connecting" | "configuring" | "ready" | "closed"

export class RealtimeConnection implements RealtimeSocketEvents {
  #phase: Phase = "connecting"
  readonly #events: RealtimeConnectionEvents
  readonly #options: RealtimeConnectionOptions
  readonly #log: Log
  /** Once the link is ready, the caller's sound goes straight to it. */
  readonly socket: RealtimeSocket
  readonly #cancelDeadline: () => void
  #expiresAtMs: number | null = null
  #badFrames = 0
  #updates = 1
  #cancelCut = () => {}

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

  /** When the server will end the session, in milliseconds since the epoch; null while it has not told. */
  get expiresAtMs(): number | null {
    return this.#expiresAtMs
  }

  /** Sends one frame of `client-events.ts`. False: the link is not ready, and the frame is gone. */
  send(text: string): boolean {
    if (this.#phase !== "ready") return false
    this.#write(text)
    return this.#isOpen
  }

  /** Changes the session of a ready link. Returns the `event_id` that a refusal will name; null when not ready. */
  update(session: object): string | null {
    if (this.#phase !== "ready") return null
    this.#updates += 1
    const eventId = `session_${this.#updates}`
    this.#write(encodeSessionUpdate(session, eventId))
    return eventId
  }

  /** Ends the link for good. Closing twice, or after it was lost, is harmless. */
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
      this.#write(encodeSessionUpdate(this.#options.session, FIRST_UPDATE))
    })
  }

  /** A frame came. */
  text(text: string): void {
    // Like `#guard`, with no function made for each frame.
    try {
      this.#receive(text)
    } catch (error) {
      this.#failed(error)
    }
  }

  /** The socket is gone. */
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
      this.#expiresAtMs = event.expiresAtMs ?? this.#expiresAtMs
    }
    this.#events.event(event)
    if (event.type === "session-updated" && this.#phase === "configuring") this.#configured(event)
  }

  /** Most errors leave a session as it was; these two end it. */
  #isFatal({ code, kind, message }: RealtimeError): boolean {
    if (code === "session_expired") this.#lose({ reason: "expired", retryable: true, message })
    else if (this.#phase === "configuring") {
      // Without its settings the session takes mu-law for PCM: noise in both directions.
      this.#lose({ reason: "settings-refused", retryable: kind === "server_error", message })
    } else return false
    return true
  }

  #configured({ inputFormat, outputFormat }: SessionFacts): void {
    // A server that names no format has most likely not taken ours: mu-law that is decoded as PCM is noise to both sides.
    const other = [inputFormat, outputFormat].find((format) => format !== PHONE_FORMAT)
    if (other !== undefined) {
      const message = `the server must confirm ${PHONE_FORMAT} for input and output, its session has ${other ?? "no format"}`
      return this.#lose({ reason: "settings-refused", retryable: false, message })
    }
    this.#cancelDeadline()
    this.#phase = "ready"
    for (const frame of this.#options.prelude ?? []) this.#write(frame)
    if (this.isReady) this.#events.ready()
  }

  #write(text: string): void {
    if (!this.#isOpen) return
    if (this.socket.bufferedAmount <= MAX_BUFFER_BYTES) this.socket.send(text)
    else this.#lose({ reason: "stalled", retryable: true, message: "the model does not take what is sent" })
  }

  #closed({ code, reason, opened, refusedStatus }: SocketEnd): void {
    this.#cancelCut()
    if (refusedStatus !== null) {
      // A wrong key, a model that is not there and the like stay wrong; limits and faults of the server pass.
      const retryable = refusedStatus === 429 || refusedStatus >= 500
      const message = `the model refused the connection with status ${refusedStatus}`
      return this.#lose({ reason: "refused", retryable, status: refusedStatus, message })
    }
    if (!opened) return this.#lose({ reason: "unreachable", retryable: true, message: "no connection" })
    const expired = code === 1001 || (this.#expiresAtMs ?? Infinity) <= this.#options.sweep.clock.now()
    const message = `closed with ${code}${reason === "" ? "" : `: ${reason.slice(0, 120)}`}`
    this.#lose({ reason: expired ? "expired" : "closed", retryable: true, message })
  }

  #lose({ status = null, ...failure }: Omit<ConnectionFailure, "status"> & { status?: number | null }): void {
    if (!this.#end()) return
    this.socket.terminate()
    this.#log.warn("link to the model lost", { ...failure, status })
    this.#events.lost({ ...failure, status })
  }

  /** Whether it was open until now. */
  #end(): boolean {
    if (this.#phase === "closed") return false
    this.#phase = "closed"
    this.#cancelDeadline()
    return true
  }

  #reject(reason: string): void {
    this.#badFrames += 1
    if (this.#badFrames > LOGGED_BAD_FRAMES && this.#badFrames % 100 !== 0) return
    this.#log.warn("frame of the model dropped", { reason, badFrames: this.#badFrames })
  }

  /** A mistake in what an event sets off must not take the process down with it. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    this.#log.error("an event of the model was not handled", { error: messageOf(error) })
  }
}
