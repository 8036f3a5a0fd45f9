/** Connections that are kept open for the next request, and that are dead when it comes. */

import { expect, test } from "bun:test"
import type { ChatModel } from "../../src/llm/chat-model.ts"
import { createChatModel, type ModelChoice } from "../../src/llm/create-model.ts"
import { chatRequest, collect, spoken } from "./fixture.ts"

const stream = (...events: readonly object[]) =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")

/** A model server on bare TCP, which answers every request with the same stream and keeps the connection open. */
class KeepAliveServer implements AsyncDisposable {
  /** Of each request, whether it came on a connection that is dead. */
  readonly requests: ("answered" | "unanswered")[] = []
  readonly #dead = new Set<Bun.Socket<unknown>>()
  readonly #open = new Set<Bun.Socket<unknown>>()
  readonly #arrivals: (() => void)[] = []
  readonly #server: Bun.TCPSocketListener

  constructor(body: string) {
    const answer = `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    this.#server = Bun.listen({
      port: 0,
      hostname: "127.0.0.1",
      socket: {
        open: (socket) => void this.#open.add(socket),
        close: (socket) => void this.#open.delete(socket),
        data: (socket) => {
          const isDead = this.#dead.has(socket)
          this.requests.push(isDead ? "unanswered" : "answered")
          if (!isDead) socket.write(answer)
          this.#arrivals.shift()?.()
        },
      },
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  /** Every connection that is open by now takes what comes and never answers again. */
  breakConnections(): void {
    for (const socket of this.#open) this.#dead.add(socket)
  }

  nextRequest(): Promise<void> {
    return new Promise((resolve) => this.#arrivals.push(resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.stop(true)
    return Promise.resolve()
  }
}

const CHAT = stream(
  { id: "c", choices: [{ index: 0, delta: { content: "Yes." }, finish_reason: null }] },
  { id: "c", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
)
const RESPONSES = stream(
  { type: "response.output_text.delta", item_id: "m", output_index: 0, content_index: 0, delta: "Yes." },
  { type: "response.completed", response: { id: "r", status: "completed", output: [] } },
)
const FLOWISE = stream({ event: "token", data: "Yes." }, { event: "end", data: "[DONE]" })

test.each<[string, string, ModelChoice]>([
  ["Chat Completions", CHAT, { provider: "openai-compatible", name: "m" }],
  ["Responses", RESPONSES, { provider: "openai", name: "m" }],
  ["Flowise", FLOWISE, { provider: "flowise", name: "flow" }],
])("%s: a second attempt uses no kept connection, of which all may be dead", async (_, body, choice) => {
  await using server = new KeepAliveServer(body)
  const model: ChatModel = createChatModel(choice, {
    openaiApiKey: "sk-test",
    openaiBaseUrl: server.url,
    flowise: { baseUrl: server.url },
  })
  const ask = (signal = new AbortController().signal, freshConnection = false) =>
    collect(model.reply(chatRequest({ freshConnection }), signal))
  await Promise.all([ask(), ask(), ask()])
  server.breakConnections()
  server.requests.length = 0
  const timeout = new AbortController()
  const arrived = server.nextRequest()
  const first = ask(timeout.signal)
  await arrived
  timeout.abort()
  expect(await first).toEqual([])
  expect(spoken(await ask(undefined, true))).toBe("Yes.")
  expect([server.requests[0], server.requests.at(-1)]).toEqual(["unanswered", "answered"])
})
