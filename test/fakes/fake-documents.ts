/** Google's export of documents, and a server of texts, on a port of its own. */

export type DocumentAnswer = {
  text?: string
  status?: number
  headers?: Record<string, string>
  /** The path that Google's redirect leads to, or another address. */
  redirect?: string
  hold?: Promise<unknown>
}

export class FakeDocuments implements AsyncDisposable {
  /** By path without query. */
  readonly answers = new Map<string, DocumentAnswer>()
  readonly requests: string[] = []
  readonly #server: Bun.Server<undefined>

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => this.#answer(new URL(request.url)),
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  /** A Google document, behind the redirect that Google answers with. */
  google(id: string, answer: DocumentAnswer): void {
    this.answers.set(`/document/d/${id}/export`, { redirect: `/content/${id}` })
    this.answers.set(`/content/${id}`, answer)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true)
  }

  async #answer(url: URL): Promise<Response> {
    this.requests.push(`${url.pathname}${url.search}`)
    const answer = this.answers.get(url.pathname)
    if (!answer) return new Response("not found", { status: 404 })
    await answer.hold
    const { redirect, text = "", status = 200, headers = {} } = answer
    if (redirect !== undefined) return new Response(null, { status: 307, headers: { location: redirect } })
    return new Response(text, {
      status,
      headers: { "content-type": "text/plain; charset=utf-8", ...headers },
    })
  }
}
