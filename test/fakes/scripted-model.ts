/** A `ChatModel` in memory: each request is kept, and its parts go out one by one when the test says so. */

import type { ChatItem, ChatModel, ChatPart, ChatRequest } from "../../src/llm/chat-model.ts"

type Step = { do: "part"; part: ChatPart } | { do: "fail"; error: unknown } | { do: "break-off" }

export class ScriptedModel implements ChatModel {
  readonly name = "scripted"
  readonly requests: ScriptedRequest[] = []
  /** Thrown by the next call of `reply`, before there is a stream. */
  throws: unknown
  readonly #waiting: (() => void)[] = []
  #taken = 0

  reply(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatPart> {
    const { throws } = this
    this.throws = undefined
    if (throws !== undefined) throw throws
    const scripted = new ScriptedRequest(request, signal)
    this.requests.push(scripted)
    for (const wake of this.#waiting.splice(0)) wake()
    return scripted.stream()
  }

  /** The next request that no test code has received yet. */
  async next(): Promise<ScriptedRequest> {
    const mine = this.#taken++
    for (;;) {
      const request = this.requests[mine]
      if (request) return request
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }
}

export class ScriptedRequest {
  /** As it was when the request was made. */
  readonly items: readonly ChatItem[]
  readonly request: ChatRequest
  readonly signal: AbortSignal
  readonly #steps: { step: Step; done: () => void }[] = []
  #wake = () => {}
  #over = false

  constructor(request: ChatRequest, signal: AbortSignal) {
    this.request = request
    this.items = structuredClone(request.items)
    this.signal = signal
  }

  get aborted(): boolean {
    return this.signal.aborted
  }

  /** Sends words in pieces. Resolves when the last one was read, as all of these do. */
  async say(...texts: string[]): Promise<void> {
    for (const text of texts) await this.send({ type: "text", text })
  }

  call(name: string, args: unknown = {}, callId = `call_${name}`): Promise<void> {
    const text = typeof args === "string" ? args : JSON.stringify(args)
    return this.send({ type: "tool-call", callId, name, arguments: text })
  }

  /** Ends the answer, with these last words. */
  async end(text = "", part: Partial<Extract<ChatPart, { type: "end" }>> = {}): Promise<void> {
    if (text !== "") await this.say(text)
    await this.send({ type: "end", reason: "stop", ...part })
  }

  send(part: ChatPart): Promise<void> {
    return this.#do({ do: "part", part })
  }

  fail(error: unknown): Promise<void> {
    return this.#do({ do: "fail", error })
  }

  /** Ends the stream without its `end` part. */
  breakOff(): Promise<void> {
    return this.#do({ do: "break-off" })
  }

  /** Ends when the signal is aborted, as the contract asks. */
  async *stream(): AsyncGenerator<ChatPart> {
    const stop = () => this.#wake()
    this.signal.addEventListener("abort", stop)
    try {
      while (!this.signal.aborted) {
        const next = this.#steps.shift()
        if (!next) {
          await new Promise<void>((resolve) => (this.#wake = resolve))
          continue
        }
        const { step, done } = next
        if (step.do === "part") yield step.part
        done()
        if (step.do === "fail") throw step.error
        if (step.do === "break-off" || step.part.type === "end") return
      }
    } finally {
      this.#over = true
      this.signal.removeEventListener("abort", stop)
      for (const { done } of this.#steps.splice(0)) done()
    }
  }

  async #do(step: Step): Promise<void> {
    if (!this.#over) {
      await new Promise<void>((resolve) => {
        this.#steps.push({ step, done: resolve })
        this.#wake()
      })
    }
    await settled()
  }
}

/** Lets every promise that can continue do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await Promise.resolve()
}
