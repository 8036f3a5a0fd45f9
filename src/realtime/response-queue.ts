/**
 * The responses that a conversation needs from the model, and when each of them is requested: a server runs one response
 * of a conversation at a time. Outlives connections: what was not said on one is requested on the next. Pure.
 * Source: OpenAI "Realtime conversations" (function calling, interruption).
 */

import { encodeCancel } from "./protocol/client-events.ts"
import type { RealtimeResponse } from "./protocol/objects.ts"
import type { RealtimeError } from "./protocol/server-events.ts"
import { encodeRequest, eventIdIn, type ResponseRequest } from "./response-request.ts"

/**
 * `requested`: by this queue. `caller-turn`: the server answers the caller by itself. `stale`: the caller has spoken since
 * the request; the response is being cancelled and must not be heard.
 */
export type Started = "requested" | "caller-turn" | "stale"

/**
 * What an error means for the queue. `requeued`: the request waits for the response that is active. `answered`: the
 * active response answers the request. `failed`: the server rejected the request, which waits for `sendNext`. `harmless`:
 * there was nothing to cancel. `unrelated`: the error is about something else.
 */
export type Refused = "requeued" | "answered" | "failed" | "harmless" | "unrelated"

const MAX_WAITING = 16

type Sent = { request: ResponseRequest; eventId: string }

type State =
  | { phase: "disconnected" }
  | { phase: "idle" }
  /** The server has not replied to `response.create` yet. `isStale`: the caller has spoken since. */
  | { phase: "requested"; sent: Sent; isStale: boolean }
  | {
      phase: "active"
      responseId: string
      /** Requested again if the response fails or the connection is lost. */
      request: ResponseRequest | undefined
      /** A `response.create` that crossed this response on the wire and that the server is about to refuse. */
      crossed: (Sent & { isAnswered: boolean }) | undefined
      /** The caller has spoken since, or somebody interrupted it. */
      isAbandoned: boolean
    }
  /** The server reported an active response that is not known here. */
  | { phase: "blocked" }

export class ResponseQueue {
  #send: (text: string) => void = () => {}
  #state: State = { phase: "disconnected" }
  #waiting: ResponseRequest[] = []
  /** Items that were sent and that the server has not confirmed yet. */
  readonly #unconfirmed = new Set<string>()
  /** Whether the caller speaks, or has finished and the server may be about to answer. */
  #callerHasTurn = false
  #awaitsServer = false
  /** Changes of the session that the server has not confirmed yet. */
  #unconfirmedUpdates = 0
  #serial = 0

  get isConnected(): boolean {
    return this.#state.phase !== "disconnected"
  }

  /** Whether a change of the session is not confirmed. */
  get awaitsSession(): boolean {
    return this.#unconfirmedUpdates > 0
  }

  /** The response that runs now. */
  get activeId(): string | undefined {
    return this.#state.phase === "active" ? this.#state.responseId : undefined
  }

  /** Whether no response runs, is requested, waits or is expected of the server. */
  get isIdle(): boolean {
    const { phase } = this.#state
    return (phase === "idle" || phase === "disconnected") && this.#waiting.length === 0 && !this.#awaitsServer
  }

  /** A connection can be used. `send` takes its frames. */
  connected(send: (text: string) => void): void {
    this.disconnected()
    this.#send = send
    this.#state = { phase: "idle" }
    this.sendNext()
  }

  /** The connection is gone. Everything that was not said to its end waits for the next one, sentences first. */
  disconnected(): void {
    const requests = [...this.#inProgress(), ...this.#waiting]
    const needsAnswer = this.#awaitsServer || requests.some(({ kind }) => kind === "answer")
    this.#waiting = requests.filter(({ kind }) => kind === "sentence")
    // The next connection gets the items that answers are about as part of the history.
    if (needsAnswer) this.#waiting.push({ kind: "answer", about: [] })
    this.#unconfirmed.clear()
    this.#unconfirmedUpdates = 0
    this.#callerHasTurn = false
    this.#awaitsServer = false
    this.#state = { phase: "disconnected" }
  }

  /** Drops everything. */
  clear(): void {
    this.#waiting = []
    this.#awaitsServer = false
    this.#state = { phase: "disconnected" }
  }

  /**
   * Requests a response as soon as none is active and the caller does not speak. Several requests for an answer become
   * one. False: too many wait already.
   */
  request(request: ResponseRequest): boolean {
    if (!this.#enqueue(request)) return false
    this.sendNext()
    return true
  }

  /** An item that a request will be about was sent. To be called before the request. */
  itemSent(itemId: string): void {
    this.#unconfirmed.add(itemId)
  }

  /** `conversation.item.added` of any item. */
  itemAdded(itemId: string): void {
    this.#unconfirmed.delete(itemId)
  }

  /** A response that is requested now could follow the session from before the change. */
  sessionUpdateSent(): void {
    this.#unconfirmedUpdates += 1
  }

  /** The server has confirmed or refused so many changes. */
  sessionUpdatesSettled(count: number): void {
    if (!this.awaitsSession) return
    this.#unconfirmedUpdates = Math.max(0, this.#unconfirmedUpdates - count)
    this.sendNext()
  }

  /** The caller's turn has entered the conversation, and the server is going to answer it by itself. */
  expectServerAnswer(): void {
    this.#awaitsServer = true
  }

  /** `response.created`. */
  created({ id, metadata }: Pick<RealtimeResponse, "id" | "metadata">): Started {
    const state = this.#state
    if (state.phase === "requested" && eventIdIn(metadata) === state.sent.eventId) {
      const { request } = state.sent
      if (!state.isStale) {
        this.#state = { phase: "active", responseId: id, request, crossed: undefined, isAbandoned: false }
        if (request.kind === "answer") this.#awaitsServer = false
        return "requested"
      }
      const nothing = { request: undefined, crossed: undefined }
      this.#state = { phase: "active", responseId: id, ...nothing, isAbandoned: true }
      if (request.kind === "sentence") this.#waiting.unshift(request)
      this.#cancel(id)
      return "stale"
    }
    const crossed =
      state.phase === "requested"
        ? { ...state.sent, isAnswered: this.#isAnswered(state.sent.request) }
        : undefined
    const request = { kind: "answer", about: [] } as const
    this.#state = { phase: "active", responseId: id, request, crossed, isAbandoned: false }
    this.#callerHasTurn = false
    this.#awaitsServer = false
    // The response is based on every item that is in the conversation by now.
    this.#waiting = this.#waiting.filter((request) => !this.#isAnswered(request))
    return "caller-turn"
  }

  /** The request that a running response is for; undefined if it is no longer awaited. */
  requestOf(responseId: string): ResponseRequest | undefined {
    const state = this.#state
    const isRunning = state.phase === "active" && state.responseId === responseId
    return isRunning && !state.isAbandoned ? state.request : undefined
  }

  /** `response.done`, whatever its status. One that failed is requested again, and one that is to be `repeated`. */
  done({ id, status }: Pick<RealtimeResponse, "id" | "status">, { repeated = false } = {}): void {
    const state = this.#state
    if (state.phase === "active" ? state.responseId !== id : state.phase !== "blocked") return
    // A crossed request that was neither refused nor started by now was this response.
    this.#state = { phase: "idle" }
    if (state.phase === "active" && state.request && (status === "failed" || repeated))
      this.#enqueue(state.request)
    this.sendNext()
  }

  /** An `error` event. */
  refused({ code, eventId }: Pick<RealtimeError, "code" | "eventId">): Refused {
    if (eventId === null) return "unrelated"
    if (eventId.startsWith("cancel_")) return "harmless"
    const state = this.#state
    const isBusy = code === "conversation_already_has_active_response"
    if (state.phase === "requested" && state.sent.eventId === eventId) {
      const { request } = state.sent
      if (isBusy) {
        this.#state = { phase: "blocked" }
        this.#waiting.unshift(request)
        return "requeued"
      }
      this.#state = { phase: "idle" }
      if (request.kind === "sentence" || !state.isStale) this.#enqueue(request)
      return "failed"
    }
    if (state.phase !== "active" || state.crossed?.eventId !== eventId) return "unrelated"
    const { request, isAnswered } = state.crossed
    this.#state = { ...state, crossed: undefined }
    if (isBusy && isAnswered) return "answered"
    if (isBusy) this.#waiting.unshift(request)
    else this.#enqueue(request)
    return isBusy ? "requeued" : "failed"
  }

  /**
   * `input_audio_buffer.speech_started`. Nothing is requested until the caller has finished. `serverCancels`: whether the
   * server cancels the active response by itself (`interrupt_response`).
   */
  callerStarted({ serverCancels }: { serverCancels: boolean }): void {
    this.#callerHasTurn = true
    this.#abandon({ serverCancels })
  }

  /** The caller has finished, and the server does not answer by itself, or has not done so in time. */
  callerDone(): void {
    this.#callerHasTurn = false
    this.sendNext()
  }

  /** Cancels the active response, and drops all requests except sentences: a key, an operator, a tool, a hang-up. */
  interrupt(): void {
    this.#waiting = this.#waiting.filter(({ kind }) => kind === "sentence")
    this.#abandon({ serverCancels: false })
  }

  /** Sends the next request, if no response runs and the caller does not speak. */
  sendNext(): void {
    if (this.#state.phase !== "idle" || this.#callerHasTurn || this.awaitsSession) return
    const request = this.#waiting.shift()
    if (!request) return
    const eventId = this.#nextId("create")
    this.#state = { phase: "requested", sent: { request, eventId }, isStale: false }
    this.#send(encodeRequest(request, eventId))
  }

  /** Sentences that were begun are said to their end on another connection; answers are out of date. */
  #abandon({ serverCancels }: { serverCancels: boolean }): void {
    const state = this.#state
    this.#awaitsServer = false
    // The server accepts this request only after it has stopped the response before.
    if (state.phase === "requested") state.isStale = true
    if (state.phase !== "active") return
    state.isAbandoned = true
    if (state.request?.kind === "answer") state.request = undefined
    if (!serverCancels) this.#cancel(state.responseId)
  }

  #cancel(responseId: string): void {
    this.#send(encodeCancel({ responseId, eventId: this.#nextId("cancel") }))
  }

  #inProgress(): ResponseRequest[] {
    const state = this.#state
    if (state.phase === "requested") {
      return state.isStale && state.sent.request.kind === "answer" ? [] : [state.sent.request]
    }
    if (state.phase !== "active") return []
    return [state.request, state.crossed?.request].filter((request) => request !== undefined)
  }

  #enqueue(request: ResponseRequest): boolean {
    const at = request.kind === "answer" ? this.#waiting.findIndex(({ kind }) => kind === "answer") : -1
    const twin = this.#waiting[at]
    if (request.kind === "answer" && twin?.kind === "answer") {
      this.#waiting[at] = { kind: "answer", about: [...twin.about, ...request.about] }
      return true
    }
    if (this.#waiting.length >= MAX_WAITING) return false
    this.#waiting.push(request)
    return true
  }

  #isAnswered(request: ResponseRequest): boolean {
    return request.kind === "answer" && request.about.every((itemId) => !this.#unconfirmed.has(itemId))
  }

  #nextId(kind: "create" | "cancel"): string {
    this.#serial += 1
    return `${kind}_${this.#serial}`
  }
}
