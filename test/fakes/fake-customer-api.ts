/** The customer API on a port of its own: lookup, message and login over real HTTP. Its answers hold a password. */

import { AwaitableLog } from "../../src/sim/awaitable-log.ts"

export const PASSWORD = "hunter2-correct-horse"
export const EMAIL = "anna.secret@example.com"

export type CustomerRequest = {
  method: string
  path: string
  query: Record<string, string>
  headers: Headers
  body: unknown
}

/** A status, or what is answered with 200. `hold`: awaited before the answer. */
export type CustomerAnswer = { status?: number; body?: unknown; raw?: string; hold?: Promise<unknown> }

export class FakeCustomerApi implements AsyncDisposable {
  readonly requests = new AwaitableLog<CustomerRequest>("the requests to the customer API")
  /** By path; a list is used up answer by answer, and its last one stays. */
  readonly answers: Record<string, CustomerAnswer[]> = {}
  readonly #server: Bun.Server<undefined>

  constructor(caller: { isLoggedIn?: boolean; hasConsented?: boolean } = {}) {
    this.is(caller)
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => this.#answer(request),
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  /** What the lookup says from now on. */
  is({ isLoggedIn = false, hasConsented = false }: { isLoggedIn?: boolean; hasConsented?: boolean }): void {
    const data = { isLoggedIn, hasConsented, email: EMAIL, password: PASSWORD }
    this.answers["/api/lookup-phone"] = [{ body: { success: true, data } }]
  }

  /** The paths that were asked, in order of arrival. */
  get paths(): string[] {
    return this.requests.all.map(({ method, path }) => `${method} ${path}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const text = await request.text()
    this.requests.push({
      method: request.method,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: text === "" ? undefined : JSON.parse(text),
    })
    const answers = this.answers[url.pathname] ?? []
    const {
      status = 200,
      body = { success: true },
      raw,
      hold,
    } = (answers.length > 1 ? answers.shift() : answers[0]) ?? {}
    await hold
    return raw === undefined ? Response.json(body, { status }) : new Response(raw, { status })
  }
}
