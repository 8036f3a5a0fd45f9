/** A server in the place of Parley: answers webhooks by script and gives the test its end of each relay socket. */

import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import { SimulatedTwilio, type SimulatedTwilioOptions } from "../../src/sim/simulated-twilio.ts"
import { verifySignature } from "../../src/twilio/signature.ts"
import { TestClock } from "../lib/test-clock.ts"

const PUBLIC_URL = "https://parley.test"
const AUTH_TOKEN = "0123456789abcdef0123456789abcdef"

export type Post = {
  method: string
  path: string
  form: Record<string, string>
  headers: Headers
  signed: boolean
}
type Socket = { path: string; headers: Headers; signed: boolean; peer: Peer | undefined }

/** The server's end of one socket. */
export class Peer {
  readonly frames = new AwaitableLog<Record<string, unknown>>("the frames at the server")
  readonly closed = Promise.withResolvers<{ code: number; reason: string }>()
  readonly #socket: Bun.ServerWebSocket<Socket>

  constructor(socket: Bun.ServerWebSocket<Socket>) {
    this.#socket = socket
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  get data(): Socket {
    return this.#socket.data
  }

  send(message: unknown): void {
    this.#socket.send(typeof message === "string" ? message : JSON.stringify(message))
  }

  sendBinary(bytes: Uint8Array<ArrayBuffer>): void {
    this.#socket.send(bytes)
  }

  close(): void {
    this.#socket.close(1011, "crashed")
  }

  /** The next frame of a type. */
  frame(type: string): Promise<Record<string, unknown>> {
    return this.frames.next((frame) => frame["type"] === type)
  }
}

export type Script = (post: Post) => string | Response | Promise<string | Response>

export class ScriptedServer {
  readonly posts = new AwaitableLog<Post>("the webhooks at the server")
  readonly peers = new AwaitableLog<Peer>("the sockets at the server")
  readonly #server: Bun.Server<Socket>

  constructor(script: Script, { refuseSockets = false, onPeer = (_peer: Peer) => {} } = {}) {
    this.#server = Bun.serve<Socket>({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request, server) => {
        const { pathname, search } = new URL(request.url)
        const { headers, method } = request
        const check = (scheme: string, form?: Record<string, string>) =>
          verifySignature({
            authTokens: [AUTH_TOKEN],
            signature: headers.get("X-Twilio-Signature"),
            url: `${scheme}://parley.test${pathname}${search}`,
            form,
          })
        if (headers.get("Upgrade") === "websocket") {
          if (refuseSockets) return new Response("no", { status: 403 })
          const data = {
            path: pathname,
            headers: new Headers(headers),
            signed: check("wss"),
            peer: undefined,
          }
          return server.upgrade(request, { data }) ? undefined : new Response("no", { status: 400 })
        }
        const form = Object.fromEntries(new URLSearchParams(await request.text()))
        const post = { method, path: `${pathname}${search}`, form, headers, signed: check("https", form) }
        this.posts.push(post)
        const answer = await script(post)
        return typeof answer === "string" ? twiml(answer) : answer
      },
      websocket: {
        open: (socket) => {
          const peer = new Peer(socket)
          socket.data.peer = peer
          onPeer(peer)
          this.peers.push(peer)
        },
        message: (socket, text) => socket.data.peer?.frames.push(JSON.parse(String(text))),
        close: (socket, code, reason) => {
          socket.data.peer?.frames.close("the socket is closed")
          socket.data.peer?.closed.resolve({ code, reason })
        },
      },
    })
  }

  get origin(): string {
    return this.#server.url.origin
  }

  /** The next webhook on a path. */
  post(path: string): Promise<Post> {
    return this.posts.next((post) => post.path === path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }
}

export function twiml(inside: string): Response {
  return new Response(`<?xml version="1.0" encoding="UTF-8"?><Response>${inside}</Response>`, {
    headers: { "Content-Type": "text/xml" },
  })
}

export function relay(attributes = "", children = ""): string {
  return `<Connect action="/ended"><ConversationRelay url="wss://parley.test/relay/t1" ${attributes}>${children}</ConversationRelay></Connect>`
}

/** Sets up server, account and clock. By default ten characters take a second. */
export function fixture(
  script: Script,
  options: Partial<SimulatedTwilioOptions> & ConstructorParameters<typeof ScriptedServer>[1] = {},
) {
  const { refuseSockets = false, onPeer = () => {}, ...account } = options
  const clock = new TestClock()
  const server = new ScriptedServer(script, { refuseSockets, onPeer })
  const twilio = new SimulatedTwilio({
    publicUrl: PUBLIC_URL,
    connectTo: server.origin,
    authToken: AUTH_TOKEN,
    sweep: clock.sweep,
    charactersPerSecond: 10,
    ...account,
  })
  return {
    clock,
    server,
    twilio,
    async [Symbol.asyncDispose]() {
      await twilio[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
      clock[Symbol.dispose]()
    },
  }
}
