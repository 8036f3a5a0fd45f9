/**
 * A small Realtime server inside the program, for calls without an API key and without a network. It detects speech by
 * loudness, answers with recorded sentences and the caller's own audio, and calls a tool when a text asks for it.
 * Source: OpenAI "Realtime API reference", "Realtime conversations", "Voice activity detection".
 */

import { MULAW_BYTES_PER_MS } from "../../audio/mulaw.ts"
import type { Sweep } from "../../lib/sweep.ts"
import { answerTo, wordsFor, type Prompts, type ConversationEntry } from "./answers.ts"
import { parseEmbeddedRequest, type EmbeddedRequest, type EmbeddedSession } from "./requests.ts"
import { EmbeddedResponse, type Json } from "./response.ts"
import { SpeechDetector, type SpeechChange } from "../../audio/speech-detector.ts"

export type EmbeddedServerOptions = {
  prompts: Prompts
  sweep: Sweep
  /** Called with each frame for the client. */
  send: (text: string) => void
  /** Called when the server ends the connection. */
  close: (code: number, reason: string) => void
}

const SESSION_MS = 60 * 60_000
const MIN_COMMIT_MS = 100
const DEFAULT_VAD = {
  type: "server_vad",
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
} as const
const PCM = { type: "audio/pcm", rate: 24_000 } as const

type AnswerOptions = { outOfBand?: boolean; metadata?: Json | null; textOnly?: boolean }

export class EmbeddedServer {
  readonly #options: EmbeddedServerOptions
  readonly #items: ConversationEntry[] = []
  readonly #detector = new SpeechDetector({ threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: 500 })
  readonly #cancelExpiry: () => void
  readonly #startedMs: number
  #session: EmbeddedSession = {
    type: "realtime",
    output_modalities: ["audio"],
    audio: {
      input: { format: PCM, noise_reduction: null, transcription: null, turn_detection: DEFAULT_VAD },
      output: { format: PCM, voice: "marin", speed: 1 },
    },
    tools: [],
    tool_choice: "auto",
  }
  #response: EmbeddedResponse | null = null
  /** Item id of the speech in progress. */
  #speechItemId = ""
  #serial = 0

  constructor(options: EmbeddedServerOptions) {
    this.#options = options
    this.#startedMs = options.sweep.clock.now()
    this.#cancelExpiry = options.sweep.after(SESSION_MS, () => this.#expire())
  }

  /** Sends the first events of a connection. */
  open(): void {
    this.#emit("session.created", { session: this.#sessionObject() })
    this.#emit("conversation.created", { conversation: { id: "conv_1", object: "realtime.conversation" } })
  }

  /** Takes one text frame of the client. Never throws. */
  receive(text: string): void {
    const parsed = parseEmbeddedRequest(text)
    if (parsed.ok) this.#serve(parsed.request)
    else this.#emit("error", { error: { type: "invalid_request_error", ...parsed.fault } })
  }

  /** The client has disconnected. */
  end(): void {
    this.#cancelExpiry()
    this.#response?.drop()
    this.#response = null
  }

  #serve(request: EmbeddedRequest): void {
    switch (request.type) {
      case "session.update":
        return this.#update(request.session)
      case "input_audio_buffer.append":
        return this.#append(Buffer.from(request.audio, "base64"))
      case "input_audio_buffer.commit": {
        const audio = this.#detector.take()
        if (audio.length >= MIN_COMMIT_MS * MULAW_BYTES_PER_MS) return this.#commit(this.#id("item"), audio)
        return this.#refuse(
          request,
          "input_audio_buffer_commit_empty",
          "The input audio buffer is too small.",
        )
      }
      case "input_audio_buffer.clear":
        this.#detector.clear()
        return this.#emit("input_audio_buffer.cleared", {})
      case "conversation.item.create":
        return this.#createItem(request)
      case "conversation.item.truncate":
        return this.#truncate(request)
      case "conversation.item.delete": {
        const at = this.#items.findIndex(({ id }) => id === request.item_id)
        if (at < 0) return this.#unknownItem(request, request.item_id)
        this.#items.splice(at, 1)
        return this.#emit("conversation.item.deleted", { item_id: request.item_id })
      }
      case "response.create":
        return this.#createResponse(request)
      case "response.cancel":
        if (this.#response && (request.response_id ?? this.#response.id) === this.#response.id) {
          return this.#response.cancel("client_cancelled")
        }
        return this.#refuse(
          request,
          "response_cancel_not_active",
          "Cancellation failed: no active response found",
        )
      default:
        request satisfies never
    }
  }

  #update(change: EmbeddedSession): void {
    const { input, output } = change.audio ?? {}
    const audio = {
      input: { ...this.#session.audio?.input, ...input },
      output: { ...this.#session.audio?.output, ...output },
    }
    this.#session = { ...this.#session, ...change, audio }
    const turns = audio.input.turn_detection
    if (turns?.type === "server_vad") {
      this.#detector.change({
        threshold: turns.threshold ?? DEFAULT_VAD.threshold,
        prefixPaddingMs: turns.prefix_padding_ms ?? DEFAULT_VAD.prefix_padding_ms,
        silenceDurationMs: turns.silence_duration_ms ?? DEFAULT_VAD.silence_duration_ms,
      })
    }
    this.#emit("session.updated", { session: this.#sessionObject() })
  }

  #append(bytes: Uint8Array): void {
    const input = this.#session.audio?.input
    // Audio of another format is noise to the detector.
    if (input?.format?.type !== "audio/pcmu") return
    const changes = this.#detector.push(bytes)
    if (input.turn_detection) for (const change of changes) this.#turn(change)
  }

  #turn(change: SpeechChange): void {
    const turns = this.#session.audio?.input?.turn_detection
    if (change.type === "started") {
      this.#speechItemId = this.#id("item")
      const { audioStartMs: audio_start_ms } = change
      this.#emit("input_audio_buffer.speech_started", { audio_start_ms, item_id: this.#speechItemId })
      if (turns?.interrupt_response !== false) this.#response?.cancel("turn_detected")
      return
    }
    const { audioEndMs: audio_end_ms, speechMs, audio } = change
    this.#emit("input_audio_buffer.speech_stopped", { audio_end_ms, item_id: this.#speechItemId })
    this.#commit(this.#speechItemId, audio, speechMs)
    if (turns?.create_response !== false && !this.#response) this.#answer({})
  }

  #commit(id: string, audio: Uint8Array, speechMs = audio.length / MULAW_BYTES_PER_MS): void {
    const previous_item_id = this.#lastId
    this.#items.push({ id, item: null, sentMs: null, speech: { audio, speechMs } })
    this.#emit("input_audio_buffer.committed", { item_id: id, previous_item_id })
    const content = [{ type: "input_audio", transcript: null }]
    const item = { id, object: "realtime.item", type: "message", status: "completed", role: "user", content }
    this.#emit("conversation.item.added", { previous_item_id, item })
    this.#emit("conversation.item.done", { previous_item_id, item })
    if (!this.#session.audio?.input?.transcription) return
    this.#emit("conversation.item.input_audio_transcription.completed", {
      item_id: id,
      content_index: 0,
      transcript: wordsFor(speechMs),
      usage: { type: "duration", seconds: speechMs / 1000 },
    })
  }

  #createItem(request: EmbeddedRequest & { type: "conversation.item.create" }): void {
    const { previous_item_id: previous } = request
    const id = request.item.id ?? this.#id("item")
    if (this.#items.some((other) => other.id === id)) {
      return this.#refuse(request, "invalid_value", `Item with id '${id}' already exists.`)
    }
    const before = previous === "root" ? -1 : this.#items.findIndex((other) => other.id === previous)
    if (previous && previous !== "root" && before < 0) return this.#unknownItem(request, previous)
    const at = previous ? before + 1 : this.#items.length
    this.#items.splice(at, 0, { id, item: request.item, sentMs: null, speech: null })
    const item = { ...request.item, id, object: "realtime.item", status: "completed" }
    const fields = { previous_item_id: this.#items[at - 1]?.id ?? null, item }
    this.#emit("conversation.item.added", fields)
    this.#emit("conversation.item.done", fields)
  }

  #truncate(request: EmbeddedRequest & { type: "conversation.item.truncate" }): void {
    const { item_id, content_index, audio_end_ms } = request
    const item = this.#items.find(({ id }) => id === item_id)
    if (!item) return this.#unknownItem(request, item_id)
    const sentMs = this.#response?.itemId === item_id ? this.#response.sentMs : item.sentMs
    if (sentMs === null) {
      return this.#refuse(request, "invalid_value", "Only model output audio messages can be truncated")
    }
    if (audio_end_ms > sentMs) {
      const message = `Audio content of ${sentMs}ms is already shorter than ${audio_end_ms}ms`
      return this.#refuse(request, "invalid_value", message)
    }
    item.sentMs = audio_end_ms
    this.#emit("conversation.item.truncated", { item_id, content_index, audio_end_ms })
  }

  #createResponse(request: EmbeddedRequest & { type: "response.create" }): void {
    const { conversation, metadata, output_modalities: modalities } = request.response ?? {}
    const outOfBand = conversation === "none"
    if (this.#response && !outOfBand) {
      const message = `Conversation already has an active response in progress: ${this.#response.id}`
      return this.#refuse(request, "conversation_already_has_active_response", message)
    }
    this.#answer({ outOfBand, metadata: metadata ?? null, textOnly: modalities?.[0] === "text" })
  }

  #answer({ outOfBand = false, metadata = null, textOnly = false }: AnswerOptions): void {
    const toolNames = (this.#session.tools ?? []).flatMap(({ name = [] }) => name)
    const answer = answerTo(this.#items.at(-1), this.#options.prompts, toolNames)
    const itemId = this.#id("item")
    const entry: ConversationEntry = {
      id: itemId,
      item: null,
      sentMs: answer.type === "speech" ? 0 : null,
      speech: null,
    }
    const response = new EmbeddedResponse({
      id: this.#id("resp"),
      itemId,
      previousItemId: outOfBand ? undefined : this.#lastId,
      conversationId: "conv_1",
      answer: textOnly && answer.type === "speech" ? { type: "text", text: answer.text } : answer,
      inputTokens: Math.ceil(this.#detector.heardMs / 100),
      metadata,
      emit: (type, fields) => this.#emit(type, fields),
      onDone: () => {
        if (entry.sentMs !== null) entry.sentMs = response.sentMs
        if (this.#response === response) this.#response = null
      },
      sweep: this.#options.sweep,
    })
    if (!outOfBand) {
      this.#items.push(entry)
      this.#response = response
    }
    response.start()
  }

  get #lastId(): string | null {
    return this.#items.at(-1)?.id ?? null
  }

  #expire(): void {
    this.#refuse(
      { event_id: undefined },
      "session_expired",
      "Your session hit the maximum duration of 60 minutes.",
    )
    this.end()
    this.#options.close(1001, "session expired")
  }

  #unknownItem(request: { event_id?: string | undefined }, itemId: string): void {
    this.#refuse(request, "item_not_found", `Item with id '${itemId}' not found.`)
  }

  #refuse(
    { event_id = null }: { event_id?: string | null | undefined },
    code: string,
    message: string,
  ): void {
    this.#emit("error", { error: { type: "invalid_request_error", code, message, param: null, event_id } })
  }

  #sessionObject(): Json {
    const expires_at = Math.floor((this.#startedMs + SESSION_MS) / 1000)
    return { ...this.#session, id: "sess_1", object: "realtime.session", expires_at }
  }

  #emit(type: string, fields: Json): void {
    this.#options.send(JSON.stringify({ type, event_id: this.#id("event"), ...fields }))
  }

  #id(kind: string): string {
    this.#serial += 1
    return `${kind}_${this.#serial}`
  }
}
