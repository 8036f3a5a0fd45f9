/** One observer's socket. Sends events from the store as fast as the client reads; buffers a little audio, then closes the socket. */

import type { Call } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import { TOO_SLOW, type ObserverMessage, type Track } from "../call/observer-message.ts"
import { isTerminal } from "../call/status.ts"
import type { Socket, SocketSession } from "../lib/socket.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { StoredEvent } from "../store/history.ts"
import { observedEvents } from "./observer-events.ts"
import type { Observer, Observers } from "./observers.ts"

const PAGE = 200
/** Audio buffered for a slow observer at most, in characters: about five seconds of both sides. */
const MAX_WAITING = 160_000
/** After the end of the call, for what is recorded late. */
const CLOSE_AFTER_END_MS = 5000
const MAX_FRAME_CHARS = 4096

export type ObserverSessionOptions = {
  socket: Socket
  callId: CallId
  /** The state of the call. */
  call: () => Promise<Call>
  /** Whether messages begin at once, or when the other side sends `connect-twilio`. */
  begins: "at-once" | "when-asked"
  /** The last event that the other side has seen; undefined: it begins with now. */
  afterId: number | undefined
  wantsAudio: boolean
  observers: Observers
  events: {
    of(callId: CallId, page: { afterId: number; limit: number }): Promise<StoredEvent[]>
    lastId(): Promise<number>
  }
  /** Whether a conversation runs. */
  isLive: () => boolean
  /** Releases the observer's slot. */
  leave: () => void
  sweep: Sweep
  log: Log
}

type Unnumbered<T> = T extends unknown ? Omit<T, "seq"> : never

export class ObserverSession implements SocketSession, Observer {
  readonly audio: Observer["audio"]
  readonly #options: ObserverSessionOptions
  /** `starting`: the store is asked where the events begin. */
  #phase: "waiting" | "starting" | "watching" | "closed" = "waiting"
  /** `again`: something was recorded since the reading began. */
  #reading: "no" | "once" | "again" = "no"
  #lastReading: Promise<void> = Promise.resolve()
  #seq = 0
  #afterId = 0
  /** The socket takes nothing more until it says so. */
  #congested = false
  #waiting: { payload: string; track: Track }[] = []
  #waitingChars = 0
  #unfollow: (() => void) | undefined
  #cancelEnd: (() => void) | undefined

  constructor(options: ObserverSessionOptions) {
    this.#options = options
    this.audio = options.wantsAudio ? (payload, track) => this.#audio(payload, track) : undefined
    if (options.begins === "at-once") this.#start()
  }

  receive(text: string): void {
    if (this.#phase !== "waiting" || text.length > MAX_FRAME_CHARS) return
    try {
      const frame: unknown = JSON.parse(text)
      const asks = typeof frame === "object" && frame !== null && "event" in frame
      if (asks && frame.event === "connect-twilio") this.#start()
    } catch {
      // What cannot be read asks for nothing.
    }
  }

  closed(): void {
    this.#phase = "closed"
    this.#unfollow?.()
    this.#cancelEnd?.()
    this.#waiting = []
    this.#options.leave()
  }

  /** The socket takes more again. */
  drained(): void {
    this.#congested = false
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingChars = 0
    for (const { payload, track } of waiting) this.#audio(payload, track)
    this.changed()
  }

  changed(): void {
    if (this.#phase !== "watching" || this.#congested) return
    if (this.#reading !== "no") {
      this.#reading = "again"
      return
    }
    this.#lastReading = this.#read()
    this.#options.log.background("reading events for an observer", this.#lastReading)
  }

  ping(): void {
    if (this.#phase !== "watching" || this.#congested) return
    this.#send({ event: "ping", at: new Date(this.#options.sweep.clock.now()).toISOString() })
    this.changed()
  }

  stop(): void {
    this.#close(1001, "server is shutting down")
  }

  #start(): void {
    this.#phase = "starting"
    this.#options.log.background("starting an observer", this.#begin())
  }

  async #begin(): Promise<void> {
    const { observers, events, afterId, isLive } = this.#options
    try {
      // In this order: what changes the call between the two comes as an event as well.
      this.#afterId = afterId ?? (await events.lastId())
      const call = await this.#options.call()
      // It may have been closed meanwhile.
      if (this.#phase !== "starting") return
      this.#phase = "watching"
      this.#unfollow = observers.follow(call.id, this)
      const { status, sid: callSid } = call
      this.#send({ event: "status", status, callSid, live: isLive(), id: this.#afterId })
      this.changed()
      if (isTerminal(status)) this.#endSoon()
    } catch (error) {
      this.#close(1011, "the call cannot be read")
      throw error
    }
  }

  /** Sends what was recorded since the last reading, page by page, as long as the socket takes it. */
  async #read(): Promise<void> {
    const { events, callId } = this.#options
    try {
      do {
        this.#reading = "once"
        const page = await events.of(callId, { afterId: this.#afterId, limit: PAGE })
        for (const stored of page) {
          if (!this.#takesEvents()) return
          for (const message of observedEvents(stored)) this.#send(message)
          this.#afterId = stored.id
          const { event } = stored
          if (event.type === "call.status-changed" && isTerminal(event.status)) this.#endSoon()
        }
        if (page.length === PAGE) this.#reading = "again"
      } while (this.#isReadAgain())
    } finally {
      this.#reading = "no"
    }
  }

  #takesEvents(): boolean {
    return this.#phase === "watching" && !this.#congested
  }

  #isReadAgain(): boolean {
    return this.#reading === "again" && this.#takesEvents()
  }

  #audio(payload: string, track: Track): void {
    if (this.#phase !== "watching") return
    if (!this.#congested) return this.#send({ event: "audio", payload, track })
    this.#waitingChars += payload.length
    if (this.#waitingChars > MAX_WAITING) return this.#close(TOO_SLOW, "too slow")
    this.#waiting.push({ payload, track })
  }

  #send(message: Unnumbered<ObserverMessage>): void {
    const result = this.#options.socket.send(JSON.stringify({ ...message, seq: ++this.#seq }))
    if (result === 0) this.#close(TOO_SLOW, "too slow")
    else if (result < 0) this.#congested = true
  }

  #endSoon(): void {
    this.#cancelEnd ??= this.#options.sweep.after(CLOSE_AFTER_END_MS, () => {
      this.#options.log.background("ending an observer", this.#end())
    })
  }

  async #end(): Promise<void> {
    try {
      this.changed()
      await this.#lastReading
    } finally {
      this.#close(1000, "the call is over")
    }
  }

  #close(code: number, reason: string): void {
    if (this.#phase === "closed") return
    this.#phase = "closed"
    this.#unfollow?.()
    this.#options.socket.close(code, reason)
  }
}
