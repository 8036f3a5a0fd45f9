/** OpenAI on a port of its own: Responses and Chat Completions over real HTTP, scripted, and strict about requests. */

import { z } from "zod"
import { requestFaults } from "./openai-request-check.ts"
import type { Script } from "./openai-script.ts"
import { chatWire, responsesWire } from "./openai-wire.ts"
import { scriptedStream } from "./scripted-stream.ts"

export type FakeRequest = {
  api: "responses" | "chat"
  headers: Headers
  body: Record<string, unknown>
  /** The client's port: the same for requests over one connection. */
  port: number
  /** How the exchange ended: the answer was sent whole (or broken off by its script), or the client went first. */
  closed: Promise<"finished" | "aborted">
}

export type FakeOpenAiOptions = {
  /** Asked for each request while no script is queued. Without it such a request is a fault. */
  script?: (request: FakeRequest) => Script
  /** Paths that are not there, as on servers that know only one API. */
  absent?: readonly FakeRequest["api"][]
  /** What `GET /models` lists; without it that path is not there. */
  models?: readonly string[]
  /** The key that `GET /models` demands. */
  key?: string
}

const PATHS: Readonly<Record<string, FakeRequest["api"]>> = {
  "/v1/responses": "responses",
  "/v1/chat/completions": "chat",
}
const Body = z.record(z.string(), z.unknown())

export class FakeOpenAi implements AsyncDisposable {
  readonly requests: FakeRequest[] = []
  /** What clients did wrong. Disposing throws when there is any, so that the test fails. */
  readonly faults: string[] = []
  readonly #options: FakeOpenAiOptions
  readonly #queue: Script[] = []
  readonly #arrivals: ((request: FakeRequest) => void)[] = []
  readonly #server: Bun.Server<undefined>
  #taken = 0

  constructor(options: FakeOpenAiOptions = {}) {
    this.#options = options
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: (request, server) => this.#answer(request, server.requestIP(request)?.port ?? 0),
    })
  }

  /** To be given to a client: `http://127.0.0.1:<port>/v1`. */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.#server.port}/v1`
  }

  /** Answers to the next requests, in this order. */
  enqueue(...scripts: readonly Script[]): void {
    this.#queue.push(...scripts)
  }

  /** The next request that no test code has received yet, once it is there. */
  nextRequest(): Promise<FakeRequest> {
    const request = this.requests[this.#taken++]
    if (request) return Promise.resolve(request)
    return new Promise((resolve) => this.#arrivals.push(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
    if (this.faults.length > 0) throw new Error(`OpenAI would have refused: ${this.faults.join("; ")}`)
  }

  async #answer(request: Request, port: number): Promise<Response> {
    const { pathname } = new URL(request.url)
    const { models, key } = this.#options
    if (models && request.method === "GET" && pathname === "/v1/models") {
      if (key !== undefined && request.headers.get("authorization") !== `Bearer ${key}`)
        return failure({ status: 401, code: "invalid_api_key", message: "Incorrect API key provided" })
      return Response.json({ object: "list", data: models.map((id) => ({ id, object: "model" })) })
    }
    const api = PATHS[pathname]
    if (!api || request.method !== "POST" || this.#options.absent?.includes(api)) {
      return failure({ status: 404, message: `Invalid URL (${request.method} ${pathname})` })
    }
    const body = Body.parse(await request.json())
    const { promise: closed, resolve: close } = Promise.withResolvers<"finished" | "aborted">()
    request.signal.addEventListener("abort", () => close("aborted"))
    const recorded: FakeRequest = { api, headers: request.headers, body, port, closed }
    this.requests.push(recorded)
    const arrived = this.#arrivals.shift()
    arrived?.(recorded)
    const faults = requestFaults(api, body)
    if (faults.length > 0) {
      this.faults.push(...faults)
      return failure({ status: 400, code: "invalid_request", message: faults.join("; ") })
    }
    const script = this.#queue.shift() ?? this.#options.script?.(recorded)
    if (!script) {
      this.faults.push("a request without a script")
      return failure({ status: 500, message: "no script" })
    }
    await script.hold
    if (script.http) {
      close("finished")
      return failure(script.http)
    }
    const wire = api === "responses" ? responsesWire : chatWire
    return scriptedStream(
      wire(script, body, this.requests.length),
      { ending: script.ending, closed, close },
      { "content-type": "text/event-stream", "x-request-id": "req_fake" },
    )
  }
}

function failure({
  status,
  code,
  message = `answered ${status}`,
  headers = {},
  body,
}: NonNullable<Script["http"]>) {
  const type = status === 429 ? "requests" : status < 500 ? "invalid_request_error" : "server_error"
  const text = body ?? JSON.stringify({ error: { message, type, param: null, code: code ?? null } })
  return new Response(text, {
    status,
    headers: { "content-type": "application/json", "x-request-id": "req_fake", ...headers },
  })
}
