/** WebSockets of a speech provider on a port of its own: refuses, stalls and breaks as a test asks. Knows no vendor. */

import { AwaitableLog } from "../../src/sim/awaitable-log.ts"

export type Json = Record<string, unknown>

type Attached = { connection: SpeechPeer | undefined; url: URL; headers: Headers }

export type SpeechServerOptions = {
  /** What is wrong with an address or its headers; undefined: nothing. Answered with 400. */
  check: (url: URL, headers: Headers) => string | undefined
  /** Called with each connection once it is open. */
  opened: (peer: SpeechPeer) => void
  /** Called with each text frame. */
  received: (message: Json, peer: SpeechPeer) => void
}

/** One connection, seen from the provider. */
export class SpeechPeer {
  readonly url: URL
  readonly headers: Headers
  /** Text frames of the client. */
  readonly texts = new AwaitableLog<Json>("text frames")
  /** Binary frames of the client. */
  readonly frames: Uint8Array[] = []
  readonly closed: Promise<number>
  readonly #closing = Promise.withResolvers<number>()
  readonly #socket: Bun.ServerWebSocket<Attached>
  readonly #waiting: { bytes: number; resolve: () => void }[] = []
  #isMute = false

  constructor(socket: Bun.ServerWebSocket<Attached>) {
    this.url = socket.data.url
    this.headers = socket.data.headers
    this.#socket = socket
    this.closed = this.#closing.promise
  }

  /** All audio of the client. */
  get audio(): Uint8Array {
    return Buffer.concat(this.frames)
  }

  /** Resolves once so many bytes of audio have come. */
  heard(bytes: number): Promise<void> {
    if (this.audio.length >= bytes) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ bytes, resolve }))
  }

  send(message: Json): void {
    if (!this.#isMute) this.#socket.send(JSON.stringify(message))
  }

  sendRaw(data: string): void {
    this.#socket.send(data)
  }

  sendAudio(audio: Uint8Array): void {
    if (!this.#isMute) this.#socket.send(audio)
  }

  /** Answers nothing from now on, but pings. */
  mute(): void {
    this.#isMute = true
  }

  close(code = 1000, reason = ""): void {
    this.#socket.close(code, reason)
  }

  /** Ends the connection with no close frame, as a broken network does. */
  drop(): void {
    this.#socket.terminate()
  }

  took(frame: Uint8Array): void {
    this.frames.push(frame)
    const { length } = this.audio
    for (const waiting of this.#waiting) if (length >= waiting.bytes) waiting.resolve()
  }

  gone(code: number): void {
    this.#closing.resolve(code)
  }
}

export class SpeechServer implements AsyncDisposable {
  /** HTTP status that answers the next upgrades. */
  refuse: number | undefined
  /** Awaited before an upgrade is answered. */
  hold: Promise<void> | undefined
  /** Whether text frames have no effect. */
  ignores = false
  readonly peers = new AwaitableLog<SpeechPeer>("connections")
  /** What clients did against the protocol. */
  readonly faults: string[] = []
  /** Upgrades that were asked for, also refused ones. */
  attempts = 0
  readonly #options: SpeechServerOptions
  readonly #server: Bun.Server<Attached>

  constructor(options: SpeechServerOptions) {
    this.#options = options
    this.#server = Bun.serve<Attached>({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: (request, server) => this.#upgrade(request, server),
      websocket: {
        open: (socket) => {
          const peer = new SpeechPeer(socket)
          socket.data.connection = peer
          options.opened(peer)
          this.peers.push(peer)
        },
        message: (socket, data) => {
          const peer = socket.data.connection
          if (!peer) return
          if (typeof data !== "string") return peer.took(new Uint8Array(data))
          const message = JSON.parse(data) as Json
          if (!this.ignores) options.received(message, peer)
          peer.texts.push(message)
        },
        close: (socket, code) => socket.data.connection?.gone(code),
      },
    })
  }

  /** To be given to a client. */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  fault(text: string): void {
    this.faults.push(text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
    if (this.faults.length > 0) throw new Error(`the provider would have refused: ${this.faults.join("; ")}`)
  }

  async #upgrade(request: Request, server: Bun.Server<Attached>): Promise<Response | undefined> {
    this.attempts += 1
    await this.hold
    const url = new URL(request.url)
    const headers = new Headers(request.headers)
    if (this.refuse !== undefined) return new Response("refused", { status: this.refuse })
    const wrong = this.#options.check(url, headers)
    if (wrong !== undefined) {
      this.fault(wrong)
      return new Response(wrong, { status: 400 })
    }
    if (server.upgrade(request, { data: { connection: undefined, url, headers } })) return undefined
    return new Response("expected a WebSocket", { status: 426 })
  }
}
