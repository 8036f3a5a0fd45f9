/**
 * The order of answers on one Realtime connection: never two responses in the dialogue at once. Pure: knows no clock.
 * Source: OpenAI "Realtime conversations" (function calling, interruption).
 */

import { encodeCancel, encodeResponseCreate, type ResponseOverrides } from "../protocol/client-events.ts"
import type { RealtimeError } from "../protocol/server-events.ts"
import type { RealtimeResponse } from "../protocol/objects.ts"

export type Wish = {
  overrides?: ResponseOverrides | undefined
  /**
   * Items that the answer is about, as a rule outputs of tools. A response that the caller's next turn started after
   * these had entered the conversation answers them too, and the wish is dropped.
   */
  about?: readonly string[] | undefined
  /** Stays in the queue whatever the caller says meanwhile: a sentence that must be said. */
  keep?: boolean | undefined
}

/**
 * `ours`: an answer that was wished for. `turn`: the server answers the caller by itself. `discard`: it was started
 * for a moment that is over and is being cancelled; none of its audio may be played. `aside`: not part of the dialogue.
 */
export type Started = "ours" | "turn" | "discard" | "aside"

/**
 * `waits`: it will be asked for again. `dropped`: another response answers it. `failed`: the server will not do it.
 * `harmless`: there was nothing to cancel. `foreign`: the error is not about a response of this queue.
 */
export type Refused = "waits" | "dropped" | "failed" | "harmless" | "foreign"

/** Under this name the id of a create travels in the metadata of its response. */
const MARK = "parley_create"
const MAX_QUEUED = 16

type Pending = Wish & { eventId: string }
/** `answered`: whether the response that it met answers it too. */
type Crossed = { wish: Pending; answered: boolean }

type State =
  | { phase: "idle" }
  /** Asked for; the server has not said yet whether it takes it. `discard`: the caller spoke since. */
  | { phase: "asked"; wish: Pending; discard: boolean }
  /** `crossed`: a wish that met the response on the wire and is about to be refused. */
  | { phase: "active"; responseId: string; crossed: Crossed | null }
  /** The server says that one is active of which nothing is known here. */
  | { phase: "blocked" }

export class ResponseQueue {
  readonly #send: (text: string) => void
  readonly #queue: Wish[] = []
  /** Items that were sent and that the server has not confirmed yet. */
  readonly #unconfirmed = new Set<string>()
  #state: State = { phase: "idle" }
  #callerSpeaks = false
  #serial = 0

  /** `send` takes a frame for the server. */
  constructor(send: (text: string) => void) {
    this.#send = send
  }

  /** The response of the dialogue that runs now. */
  get activeId(): string | null {
    return this.#state.phase === "active" ? this.#state.responseId : null
  }

  /** Nothing runs, nothing is asked for and nothing waits. */
  get isIdle(): boolean {
    return this.#state.phase === "idle" && this.#queue.length === 0
  }

  /**
   * Asks for a response as soon as none is active and the caller does not speak; out of band at once. False: too many
   * wait already. Several wishes for a plain answer become one.
   */
  want(wish: Wish = {}): boolean {
    if (wish.overrides?.outOfBand) {
      this.#send(encodeResponseCreate(wish.overrides, this.#nextId("aside")))
      return true
    }
    const twin = this.#queue.find((other) => isPlain(other) && isPlain(wish))
    if (twin) twin.about = [...(twin.about ?? []), ...(wish.about ?? [])]
    else if (this.#queue.length >= MAX_QUEUED) return false
    else this.#queue.push({ ...wish })
    this.#next()
    return true
  }

  /** An item that a wish will be about was sent. To be told before the wish. */
  itemSent(itemId: string): void {
    this.#unconfirmed.add(itemId)
  }

  /** `conversation.item.added` of any item. */
  itemAdded(itemId: string): void {
    this.#unconfirmed.delete(itemId)
  }

  /** `response.created`. */
  created({ id, inConversation, metadata }: RealtimeResponse): Started {
    if (!inConversation) return "aside"
    const state = this.#state
    if (state.phase === "asked" && metadata[MARK] === state.wish.eventId) {
      this.#state = { phase: "active", responseId: id, crossed: null }
      if (!state.discard) return "ours"
      if (state.wish.keep) this.#queue.unshift(state.wish)
      this.#send(encodeCancel({ responseId: id, eventId: this.#nextId("cancel") }))
      return "discard"
    }
    const crossed =
      state.phase === "asked" ? { wish: state.wish, answered: this.#isAnswered(state.wish) } : null
    this.#state = { phase: "active", responseId: id, crossed }
    this.#callerSpeaks = false
    // It sees every item that is in the conversation by now.
    this.#queue.splice(0, this.#queue.length, ...this.#queue.filter((wish) => !this.#isAnswered(wish)))
    return "turn"
  }

  /** `response.done`, whatever its status. True: it was the active response of the dialogue. */
  done({ id, inConversation }: RealtimeResponse): boolean {
    if (!inConversation) return false
    const state = this.#state
    if (state.phase === "active" && state.responseId === id) {
      // A wish that was neither refused nor started by now was this response.
      this.#state = { phase: "idle" }
      this.#next()
      return true
    }
    if (state.phase === "blocked") {
      this.#state = { phase: "idle" }
      this.#next()
    }
    return false
  }

  /** An `error` event. */
  refused({ code, eventId }: RealtimeError): Refused {
    if (eventId === null) return "foreign"
    if (eventId.startsWith("cancel_")) return "harmless"
    if (eventId.startsWith("aside_")) return "failed"
    const state = this.#state
    const busy = code === "conversation_already_has_active_response"
    if (state.phase === "asked" && state.wish.eventId === eventId) {
      if (busy) {
        this.#state = { phase: "blocked" }
        this.#queue.unshift(state.wish)
        return "waits"
      }
      this.#state = { phase: "idle" }
      this.#next()
      return "failed"
    }
    if (state.phase !== "active" || !state.crossed) return "foreign"
    const { wish, answered } = state.crossed
    if (wish.eventId !== eventId) return "foreign"
    this.#state = { ...state, crossed: null }
    if (!busy) return "failed"
    if (answered) return "dropped"
    this.#queue.unshift(wish)
    return "waits"
  }

  /**
   * `input_audio_buffer.speech_started`. Nothing is asked for until the caller has finished. `serverCancels`: whether
   * the server stops the active response by itself (`interrupt_response`).
   */
  callerStarted({ serverCancels }: { serverCancels: boolean }): void {
    this.#callerSpeaks = true
    this.#stop({ serverCancels })
  }

  /** The caller has finished, and the server does not answer by itself, or did not when its time had come. */
  callerStopped(): void {
    this.#callerSpeaks = false
    this.#next()
  }

  /** Stops the model for a reason of our own: a key, an operator, a tool. What waits is dropped, unless it is kept. */
  interrupt(): void {
    this.#queue.splice(0, this.#queue.length, ...this.#queue.filter(({ keep }) => keep))
    this.#stop({ serverCancels: false })
  }

  #stop({ serverCancels }: { serverCancels: boolean }): void {
    const state = this.#state
    // The server takes this wish only after it has stopped what ran before.
    if (state.phase === "asked") state.discard = true
    if (state.phase === "active" && !serverCancels) {
      this.#send(encodeCancel({ responseId: state.responseId, eventId: this.#nextId("cancel") }))
    }
  }

  #next(): void {
    if (this.#state.phase !== "idle" || this.#callerSpeaks) return
    const next = this.#queue.shift()
    if (!next) return
    const wish = { ...next, eventId: this.#nextId("create") }
    this.#state = { phase: "asked", wish, discard: false }
    const metadata = { ...wish.overrides?.metadata, [MARK]: wish.eventId }
    this.#send(encodeResponseCreate({ ...wish.overrides, metadata }, wish.eventId))
  }

  #isAnswered({ keep, about = [] }: Wish): boolean {
    return !keep && about.every((itemId) => !this.#unconfirmed.has(itemId))
  }

  #nextId(kind: "create" | "cancel" | "aside"): string {
    this.#serial += 1
    return `${kind}_${this.#serial}`
  }
}

function isPlain({ overrides, keep }: Wish): boolean {
  return overrides === undefined && !keep
}
