/** OpenAI's Realtime server on a port of its own: real WebSockets, scripted, and strict about what clients send. */

import { FakeConnection } from "./realtime-connection.ts"
import type { ConnectionOptions, ResponseScript } from "./realtime-script.ts"

export type FakeRealtimeOptions = {
  /** HTTP status that answers the upgrade. */
  refuse?: number
  /** The upgrade is never answered. */
  neverAccept?: boolean
  onUpdate?: ConnectionOptions["onUpdate"]
  /** Updates of the session are confirmed only when the test calls `confirmUpdates`. */
  holdsUpdates?: boolean
  /** Seconds since the epoch. */
  expiresAt?: number
}

type Attached = { connection: FakeConnection | null; url: URL; headers: Headers }

export class FakeRealtime implements AsyncDisposable {
  /** May be changed between connections. */
  readonly options: FakeRealtimeOptions
  /** Everyone who asked for a connection, also those who were refused. */
  readonly attempts: { url: URL; headers: Headers }[] = []
  readonly connections: FakeConnection[] = []
  readonly #scripts: ResponseScript[] = []
  readonly #arrivals: ((connection: FakeConnection) => void)[] = []
  readonly #server: Bun.Server<Attached>
  #faults: string[] = []
  #taken = 0

  constructor(options: FakeRealtimeOptions = {}) {
    this.options = options
    this.#server = Bun.serve<Attached>({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: (request, server) => this.#upgrade(request, server),
      websocket: {
        open: (ws) => {
          const connection = new FakeConnection(ws.data.url, ws.data.headers, ws, {
            onUpdate: this.options.onUpdate ?? "accept",
            expiresAt: this.options.expiresAt ?? 1_795_136_400,
            scripts: this.#scripts,
            fault: (text) => this.#faults.push(text),
          })
          ws.data.connection = connection
          this.connections.push(connection)
          if (this.options.holdsUpdates) connection.holdUpdates()
          connection.open()
          this.#arrivals.shift()?.(connection)
        },
        message: (ws, text) => ws.data.connection?.receive(text),
        close: (ws, code, reason) => ws.data.connection?.gone(code, reason),
      },
    })
  }

  /** To be given to a client: `http://127.0.0.1:<port>/v1`. */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.#server.port}/v1`
  }

  /** Answers to the next creates, in this order. */
  enqueue(...scripts: readonly ResponseScript[]): void {
    this.#scripts.push(...scripts)
  }

  /** The next connection that no test code has received yet, once it is there. */
  nextConnection(): Promise<FakeConnection> {
    const connection = this.connections[this.#taken++]
    if (connection) return Promise.resolve(connection)
    return new Promise((resolve) => this.#arrivals.push(resolve))
  }

  /** What clients did wrong so far, for a test that wants it so; disposing throws when any is left. */
  takeFaults(): string[] {
    const faults = this.#faults
    this.#faults = []
    return faults
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
    if (this.#faults.length > 0) throw new Error(`OpenAI would have refused: ${this.#faults.join("; ")}`)
  }

  #upgrade(request: Request, server: Bun.Server<Attached>): Response | Promise<Response> | undefined {
    const url = new URL(request.url)
    const headers = new Headers(request.headers)
    this.attempts.push({ url, headers })
    const { refuse, neverAccept } = this.options
    if (neverAccept) return new Promise(() => {})
    if (refuse !== undefined)
      return Response.json({ error: { message: `refused ${refuse}` } }, { status: refuse })
    if (headers.has("openai-beta")) return new Response("the beta protocol is gone", { status: 400 })
    if (server.upgrade(request, { data: { connection: null, url, headers } })) return undefined
    return new Response("expected a WebSocket", { status: 426 })
  }
}
