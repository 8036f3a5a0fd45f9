/** A live view of one call that reconnects: after a lost connection it resumes where it was. */

import { ParleyError } from "./parley-error.ts"
import { TOO_SLOW, type ObserverMessage } from "../call/observer-message.ts"

export type ParleyStreamOptions = {
  /** Address of the socket, asked for before each connection, because a ticket opens only one. */
  address: () => string | Promise<string>
  /** Receives each message once, in order. Events during a lost connection arrive late; audio of that time is lost. */
  onMessage: (message: ObserverMessage) => void
  /** `lost` is followed by another attempt; `over` is the end. */
  onState?: (state: "open" | "lost" | "over", close?: { code: number; reason: string }) => void
  /** Called with each failure to connect, before `onState`. */
  onError?: (error: unknown) => void
  /** The WebSocket class, where the runtime has none (Node.js before version 22) or another one is wanted. */
  webSocket?: new (url: string) => WebSocket
  /** Whether audio is sent too. */
  audio?: boolean
  /** Begins after this event instead of now. */
  afterId?: number
  /** Time before the attempt of this number, counted from 1 since the last success, in milliseconds. */
  pauseMs?: (attempt: number) => number
  /** A connection on which nothing comes for this time is lost: the server pings every 15 seconds. */
  silenceMs?: number
  /** Calls `run` after `ms`; returns its cancellation. */
  after?: (ms: number, run: () => void) => () => void
}

/** Closes after which another attempt would end the same way. */
const FINAL = new Set([1000, 1008, 4400, 4401, 4403, 4404])

export class ParleyStream {
  readonly #options: ParleyStreamOptions
  #socket: WebSocket | undefined
  #afterId: number | undefined
  #attempt = 0
  #over = false
  #cancelWait: () => void = () => {}

  constructor(options: ParleyStreamOptions) {
    this.#options = options
    this.#afterId = options.afterId
    void this.#connect()
  }

  /** The last event that was seen; another stream can begin after it. */
  get afterId(): number | undefined {
    return this.#afterId
  }

  /** Closing twice is harmless. The call continues. */
  close(): void {
    if (this.#over) return
    this.#end({ code: 1000, reason: "closed by this side" })
    this.#socket?.close(1000)
  }

  async #connect(): Promise<void> {
    const { address, audio = true, webSocket = runtimeWebSocket() } = this.#options
    try {
      if (!webSocket) throw new ParleyError(0, "NO_WEBSOCKET", NO_WEBSOCKET, undefined)
      const url = new URL(await address())
      if (this.#over) return
      if (!audio) url.searchParams.set("audio", "0")
      if (this.#afterId !== undefined) url.searchParams.set("after", String(this.#afterId))
      this.#listen(new webSocket(url.href))
    } catch (error) {
      if (this.#over) return
      this.#options.onError?.(error)
      const reason = error instanceof Error ? error.message : "the address could not be fetched"
      if (isFinal(error)) this.#end({ code: 4000 + error.status, reason })
      else this.#lost({ code: 1006, reason })
    }
  }

  #listen(socket: WebSocket): void {
    this.#socket = socket
    const isCurrent = () => socket === this.#socket && !this.#over
    socket.addEventListener("open", () => {
      if (!isCurrent()) return
      this.#watch(socket)
      this.#options.onState?.("open")
    })
    socket.addEventListener("message", ({ data }) => {
      if (!isCurrent()) return
      this.#watch(socket)
      this.#receive(String(data))
    })
    socket.addEventListener("close", ({ code, reason }) => {
      if (!isCurrent()) return
      this.#socket = undefined
      if (FINAL.has(code)) this.#end({ code, reason })
      else this.#lost({ code, reason })
    })
  }

  #receive(text: string): void {
    // The server's own description of its messages is this type.
    const message = JSON.parse(text) as ObserverMessage
    this.#attempt = 0
    if ("id" in message && typeof message.id === "number") this.#afterId = message.id
    this.#options.onMessage(message)
  }

  /** Closes a connection that receives nothing. */
  #watch(socket: WebSocket): void {
    const { silenceMs = 40_000, after = afterTime } = this.#options
    this.#cancelWait()
    this.#cancelWait = after(silenceMs, () => {
      if (socket !== this.#socket) return
      this.#socket = undefined
      socket.close()
      this.#lost({ code: 1006, reason: "nothing came any more" })
    })
  }

  #lost(close: { code: number; reason: string }): void {
    if (this.#over) return
    const { pauseMs = defaultPause, after = afterTime, onState } = this.#options
    this.#cancelWait()
    // Who was too slow once would be again at once.
    this.#attempt += close.code === TOO_SLOW ? 3 : 1
    this.#cancelWait = after(pauseMs(this.#attempt), () => void this.#connect())
    onState?.("lost", close)
  }

  #end(close: { code: number; reason: string }): void {
    this.#over = true
    this.#cancelWait()
    this.#options.onState?.("over", close)
  }
}

const NO_WEBSOCKET =
  "This runtime has no WebSocket. Pass one as webSocket, for example that of the package ws on Node.js 20."

/** `WebSocket` of the runtime; Node.js before version 22 has none. */
function runtimeWebSocket(): (new (url: string) => WebSocket) | undefined {
  return typeof WebSocket === "undefined" ? undefined : WebSocket
}

/** A refusal that the next attempt would get as well. */
function isFinal(error: unknown): error is ParleyError {
  return error instanceof ParleyError && error.status < 500 && error.status !== 408 && error.status !== 429
}

/** 0.5 s, 1 s, 2 s and so on up to 30 s, each a little different, so that many do not come back at once. */
function defaultPause(attempt: number): number {
  return Math.min(500 * 2 ** (attempt - 1), 30_000) * (0.75 + Math.random() / 2)
}

function afterTime(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
