/** A part of Twilio's REST API on a local port: every request recorded, faults by script. */

import { parseForm, type Form } from "../../src/twilio/form.ts"
import { TwilioFault } from "./twilio-rules.ts"

export type FakeRequest = {
  method: string
  path: string
  query: Form
  form: Form
  headers: Record<string, string>
}

/** What happens to one request. `carriedOut`: whether the request takes effect although its answer is lost. */
export type Fault =
  | { kind: "answer"; status: number; body?: unknown; headers?: Record<string, string>; carriedOut?: boolean }
  /** No answer, ever. */
  | { kind: "hang"; carriedOut?: boolean; reached?: () => void }
  /** The connection closes without an answer. */
  | { kind: "drop"; carriedOut?: boolean }
  /** The right answer, but only after the promise. */
  | { kind: "wait"; until: Promise<unknown> }

export abstract class TwilioServer implements AsyncDisposable {
  readonly requests: FakeRequest[] = []
  readonly #faults: { match: RegExp; fault: Fault }[] = []
  readonly #waiting = new Set<{ count: number; done: () => void }>()
  readonly #server: Bun.Server<undefined>

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: (request) => this.#receive(request),
    })
  }

  /** For `TWILIO_API_BASE_URL`. */
  get baseUrl(): string {
    return this.#server.url.origin
  }

  /** The next request whose `METHOD path` matches meets this fault; several are used up one by one. */
  faultAt(match: RegExp, ...faults: Fault[]): void {
    this.#faults.push(...faults.map((fault) => ({ match, fault })))
  }

  /** The next request meets this fault; several faults are used up one by one. */
  fault(...faults: Fault[]): void {
    this.faultAt(/^/, ...faults)
  }

  /** The next request gets no answer, ever. Resolves when it has come. */
  hang({ carriedOut = false } = {}): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.fault({ kind: "hang", carriedOut, reached: resolve })
    return promise
  }

  /** Resolves when so many requests have been recorded in all. */
  received(count: number): Promise<void> {
    if (this.requests.length >= count) return Promise.resolve()
    return new Promise((done) => this.#waiting.add({ count, done }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }

  /** Carries out a request; a `TwilioFault` that is thrown becomes Twilio's answer. */
  protected abstract handle(request: FakeRequest): Response

  async #receive(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const recorded: FakeRequest = {
      method: request.method,
      path: url.pathname,
      query: parseForm(url.search.slice(1)),
      form: parseForm(await request.text()),
      headers: Object.fromEntries(request.headers),
    }
    this.requests.push(recorded)
    for (const waiter of this.#waiting) {
      if (this.requests.length < waiter.count) continue
      this.#waiting.delete(waiter)
      waiter.done()
    }
    const index = this.#faults.findIndex(({ match }) => match.test(`${recorded.method} ${recorded.path}`))
    const fault = index < 0 ? undefined : this.#faults.splice(index, 1)[0]?.fault
    if (!fault) return this.#answer(recorded)
    if (fault.kind === "wait") {
      await fault.until
      return this.#answer(recorded)
    }
    if (fault.carriedOut) this.#answer(recorded)
    if (fault.kind === "hang") {
      fault.reached?.()
      return new Promise<never>(() => {})
    }
    if (fault.kind === "drop") return new Response(new ReadableStream({ start: (c) => c.error() }))
    const body = typeof fault.body === "string" ? fault.body : JSON.stringify(fault.body ?? {})
    return new Response(body, { status: fault.status, headers: fault.headers ?? {} })
  }

  #answer(request: FakeRequest): Response {
    try {
      return this.handle(request)
    } catch (error) {
      if (error instanceof TwilioFault) return error.response()
      throw error
    }
  }
}
