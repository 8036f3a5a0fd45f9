/** One response of the embedded Realtime server: sends its events in order and its audio in steps. */

import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"
import type { Sweep } from "../../lib/sweep.ts"

export type Json = Record<string, unknown>

/** A recorded sentence: mu-law at 8 kHz with its text. */
export type Sentence = { readonly text: string; readonly audio: Uint8Array }

/** Content of a response. */
export type EmbeddedAnswer =
  | { type: "speech"; text: string; audio: Uint8Array }
  | { type: "text"; text: string }
  | { type: "call"; name: string; arguments: string }

export type EmbeddedResponseOptions = {
  id: string
  itemId: string
  /** The item before the response, null for the first; undefined: out of band, and its item is not added. */
  previousItemId: string | null | undefined
  conversationId: string
  answer: EmbeddedAnswer
  /** Input tokens to report. */
  inputTokens: number
  metadata: Json | null
  emit: (type: string, fields: Json) => void
  /** Called once, after the last event. */
  onDone: () => void
  sweep: Sweep
}

/** Audio is sent faster than it plays, as OpenAI does: `STEP_MS` of it every `STEP_EVERY_MS`. */
const STEP_MS = 400
const STEP_EVERY_MS = 100
const TOKEN_MS = 50

export class EmbeddedResponse {
  readonly id: string
  readonly itemId: string
  readonly #options: EmbeddedResponseOptions
  #sentBytes = 0
  #cancelStep = () => {}
  #isOver = false

  constructor(options: EmbeddedResponseOptions) {
    this.#options = options
    this.id = options.id
    this.itemId = options.itemId
  }

  /** Audio sent so far, in milliseconds. */
  get sentMs(): number {
    return this.#sentBytes / MULAW_BYTES_PER_MS
  }

  start(): void {
    const { answer, emit, previousItemId } = this.#options
    emit("response.created", { response: this.#object("in_progress", null, []) })
    emit("response.output_item.added", {
      response_id: this.id,
      output_index: 0,
      item: this.#item("in_progress"),
    })
    if (previousItemId !== undefined) {
      emit("conversation.item.added", { previous_item_id: previousItemId, item: this.#item("in_progress") })
    }
    switch (answer.type) {
      case "call":
        this.#emit("response.function_call_arguments.done", {
          call_id: this.#callId,
          name: answer.name,
          arguments: answer.arguments,
        })
        return this.#finish("completed", null)
      case "text":
        this.#emit("response.content_part.added", { content_index: 0, part: { type: "text", text: "" } })
        this.#emit("response.output_text.delta", { content_index: 0, delta: answer.text })
        this.#emit("response.output_text.done", { content_index: 0, text: answer.text })
        return this.#finish("completed", null)
      case "speech":
        this.#emit("response.content_part.added", {
          content_index: 0,
          part: { type: "audio", transcript: "" },
        })
        for (const word of answer.text.match(/\s*\S+/g) ?? []) {
          this.#emit("response.output_audio_transcript.delta", { content_index: 0, delta: word })
        }
        return this.#step(answer)
      default:
        answer satisfies never
    }
  }

  /** Ends the response as cancelled; without effect once it is over. */
  cancel(reason: "turn_detected" | "client_cancelled"): void {
    if (!this.#isOver) this.#finish("cancelled", reason)
  }

  /** Ends the response without further events: the connection is gone. */
  drop(): void {
    this.#isOver = true
    this.#cancelStep()
  }

  get #callId(): string {
    return `call_${this.itemId}`
  }

  #step(answer: EmbeddedAnswer & { type: "speech" }): void {
    const { audio, text } = answer
    const bytes = audio.subarray(this.#sentBytes, this.#sentBytes + STEP_MS * MULAW_BYTES_PER_MS)
    if (bytes.length > 0) {
      this.#sentBytes += bytes.length
      this.#emit("response.output_audio.delta", {
        content_index: 0,
        delta: Buffer.from(bytes).toString("base64"),
      })
    }
    if (this.#sentBytes < audio.length) {
      this.#cancelStep = this.#options.sweep.after(STEP_EVERY_MS, () => this.#step(answer))
      return
    }
    this.#emit("response.output_audio.done", { content_index: 0 })
    this.#emit("response.output_audio_transcript.done", { content_index: 0, transcript: text })
    this.#finish("completed", null)
  }

  #finish(status: "completed" | "cancelled", reason: string | null): void {
    this.drop()
    const { answer, emit, previousItemId, onDone } = this.#options
    const item = this.#item(status === "completed" ? "completed" : "incomplete")
    if (answer.type === "speech") {
      this.#emit("response.content_part.done", {
        content_index: 0,
        part: { type: "audio", transcript: answer.text },
      })
    }
    emit("response.output_item.done", { response_id: this.id, output_index: 0, item })
    if (previousItemId !== undefined) {
      emit("conversation.item.done", { previous_item_id: previousItemId, item })
    }
    emit("response.done", { response: this.#object(status, reason, [item]) })
    onDone()
  }

  #emit(type: string, fields: Json): void {
    this.#options.emit(type, { response_id: this.id, item_id: this.itemId, output_index: 0, ...fields })
  }

  #item(status: string): Json {
    const { answer } = this.#options
    const head = { id: this.itemId, object: "realtime.item", status }
    const isWhole = status !== "in_progress"
    if (answer.type === "call") {
      const { name } = answer
      return {
        ...head,
        type: "function_call",
        name,
        call_id: this.#callId,
        arguments: isWhole ? answer.arguments : "",
      }
    }
    const part =
      answer.type === "text"
        ? { type: "output_text", text: answer.text }
        : { type: "output_audio", transcript: answer.text }
    return { ...head, type: "message", role: "assistant", content: isWhole ? [part] : [] }
  }

  #object(status: string, reason: string | null, output: Json[]): Json {
    const { previousItemId, conversationId, metadata, inputTokens, answer } = this.#options
    const audioTokens = Math.ceil(this.sentMs / TOKEN_MS)
    const textTokens = answer.type === "call" ? answer.arguments.length : answer.text.length
    return {
      id: this.id,
      object: "realtime.response",
      status,
      status_details: reason === null ? null : { type: status, reason },
      output,
      conversation_id: previousItemId === undefined ? null : conversationId,
      output_modalities: [answer.type === "text" ? "text" : "audio"],
      metadata,
      usage:
        status === "in_progress"
          ? null
          : {
              total_tokens: inputTokens + audioTokens + Math.ceil(textTokens / 4),
              input_tokens: inputTokens,
              output_tokens: audioTokens + Math.ceil(textTokens / 4),
              input_token_details: { text_tokens: 0, audio_tokens: inputTokens, cached_tokens: 0 },
              output_token_details: { text_tokens: Math.ceil(textTokens / 4), audio_tokens: audioTokens },
            },
    }
  }
}
