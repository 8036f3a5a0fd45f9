/** Flowise on a port of its own: predictions over real HTTP, scripted, with the habits of the real one. */

import { z } from "zod"
import { scriptedStream } from "./scripted-stream.ts"

export const FLOW_ID = "6f0d8a4e-1c1e-4c57-9a53-0d8c2d5f7b11"

export type FlowiseScript = {
  /** Each one is an event; the first is also sent as `start`. */
  tokens?: readonly string[]
  /** Events before the tokens. */
  before?: readonly { event: string; data: unknown }[]
  /**
   * `closed`: the connection closes in good order without `end`; `dropped`: it breaks; `stalled`: nothing more comes
   * until the client goes.
   */
  ending?: "end" | "closed" | "dropped" | "stalled" | { error: string } | { event: string; data: unknown }
  /** Awaited before each token. */
  pace?: () => Promise<void>
  /** A flow that cannot stream. */
  plain?: unknown
  /** An answer of the server itself, before the flow. */
  http?: { status: number; type?: string; body: string }
}

export type FlowiseRequest = {
  flowId: string
  headers: Headers
  body: z.infer<typeof Body>
  /** How the exchange ended: the answer was sent whole (or broken off by its script), or the client went first. */
  closed: Promise<"finished" | "aborted">
}

const Body = z.strictObject({
  question: z.string().min(1),
  streaming: z.literal(true),
  chatId: z.uuid(),
  overrideConfig: z.strictObject({
    sessionId: z.string().min(1),
    vars: z.record(z.string(), z.string()).optional(),
    systemMessage: z.string().optional(),
  }),
  history: z
    .array(z.strictObject({ role: z.enum(["userMessage", "apiMessage"]), content: z.string().min(1) }))
    .optional(),
})

export class FakeFlowise implements AsyncDisposable {
  readonly requests: FlowiseRequest[] = []
  /** Chat ids whose flows were stopped, in order. */
  readonly stopped: string[] = []
  /** What clients did wrong. Disposing throws when there is any, so that the test fails. */
  readonly faults: string[] = []
  readonly #options: { apiKey?: string; script?: () => FlowiseScript }
  readonly #queue: FlowiseScript[] = []
  readonly #open = new Set<string>()
  readonly #arrivals: ((request: FlowiseRequest) => void)[] = []
  readonly #stops: (() => void)[] = []
  readonly #server: Bun.Server<undefined>
  #taken = 0

  /** With `apiKey` the flow is bound to that key. */
  constructor(options: { apiKey?: string; script?: () => FlowiseScript } = {}) {
    this.#options = options
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      routes: {
        "/api/v1/prediction/:flow": { POST: (request) => this.#predict(request, request.params.flow) },
        "/api/v1/chatmessage/abort/:flow/:chat": {
          PUT: (request) => {
            this.stopped.push(request.params.chat)
            this.#stops.shift()?.()
            return Response.json({ status: 200, message: "Chat message aborted" })
          },
        },
      },
      fetch: (request) => {
        this.faults.push(`${request.method} ${new URL(request.url).pathname}`)
        return new Response("not found", { status: 404 })
      },
    })
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  enqueue(...scripts: readonly FlowiseScript[]): void {
    this.#queue.push(...scripts)
  }

  /** The next request that no test code has received yet, once it is there. */
  nextRequest(): Promise<FlowiseRequest> {
    const request = this.requests[this.#taken++]
    if (request) return Promise.resolve(request)
    return new Promise((resolve) => this.#arrivals.push(resolve))
  }

  /** Resolves once so many flows in all were stopped. */
  async stops(count: number): Promise<void> {
    while (this.stopped.length < count) await new Promise<void>((resolve) => this.#stops.push(resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
    if (this.faults.length > 0) throw new Error(`Flowise would have failed: ${this.faults.join("; ")}`)
  }

  async #predict(request: Request, flowId: string): Promise<Response> {
    const parsed = Body.safeParse(await request.json())
    if (request.headers.has("origin")) this.faults.push("an Origin header, which is compared")
    if (!parsed.success) {
      this.faults.push(z.prettifyError(parsed.error))
      return Response.json(
        { statusCode: 400, success: false, message: "bad", stack: "at x" },
        { status: 400 },
      )
    }
    const { chatId } = parsed.data
    // The later of two streams with one id takes the tokens of both.
    if (this.#open.has(chatId)) this.faults.push("two streams with one chatId")
    this.#open.add(chatId)
    const { promise: closed, resolve: close } = Promise.withResolvers<"finished" | "aborted">()
    request.signal.addEventListener("abort", () => close("aborted"))
    const recorded = { flowId, headers: request.headers, body: parsed.data, closed }
    this.requests.push(recorded)
    this.#arrivals.shift()?.(recorded)
    const script = this.#queue.shift() ?? this.#options.script?.() ?? { tokens: ["Yes."] }
    // An unknown flow fails before the stream is opened, and then no response follows a request that wants a stream.
    if (flowId !== FLOW_ID) return new Promise(() => {})
    if (script.http) {
      const { status, type = "application/json", body } = script.http
      close("finished")
      return new Response(body, { status, headers: { "content-type": type } })
    }
    if (script.plain !== undefined) {
      close("finished")
      return Response.json(script.plain)
    }
    const { apiKey } = this.#options
    const refused = apiKey !== undefined && request.headers.get("authorization") !== `Bearer ${apiKey}`
    return scriptedStream(
      wire(refused ? { ending: { error: "Unauthorized" } } : script, recorded),
      { ending: script.ending, closed, close },
      { "content-type": "text/event-stream; charset=utf-8" },
    )
  }
}

const frame = (event: string, data: unknown) => `message:\ndata:${JSON.stringify({ event, data })}\n\n`

async function* wire(script: FlowiseScript, { body }: FlowiseRequest): AsyncGenerator<string> {
  const { tokens = [], before = [], ending = "end", pace } = script
  yield ":heartbeat\n\n"
  for (const { event, data } of before) yield frame(event, data)
  if (tokens[0] !== undefined) yield frame("start", tokens[0])
  for (const token of tokens) {
    await pace?.()
    yield frame("token", token)
    yield ":heartbeat\n\n"
  }
  if (typeof ending === "object") {
    yield "error" in ending ? frame("error", ending.error) : frame(ending.event, ending.data)
  }
  if (ending !== "end" && (typeof ending !== "object" || !("error" in ending))) return
  if (ending === "end") {
    yield frame("usageMetadata", { input_tokens: 20, output_tokens: 5, total_tokens: 25 })
    yield frame("metadata", {
      chatId: body.chatId,
      question: body.question,
      sessionId: body.overrideConfig.sessionId,
    })
  }
  yield frame("end", "[DONE]")
}
