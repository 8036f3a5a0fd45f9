/** One connection of the fake Realtime server: keeps OpenAI's rules, and does what the test asks for. */

import { clientEventFaults, parseClientEvent, type ClientEvent } from "./realtime-request-check.ts"
import { responseWire, type ConnectionOptions, type Json, type ResponseScript } from "./realtime-script.ts"

type Sink = {
  send: (text: string) => void
  close: (code: number, reason: string) => void
  terminate: () => void
  /** Reads nothing more from the network, pings included. */
  pause: () => void
}

type RespondOptions = { metadata?: Json | null; outOfBand?: boolean }

export class FakeConnection {
  readonly url: URL
  readonly headers: Headers
  /** Every event of the client, except audio. */
  readonly received: ClientEvent[] = []
  /** Codes of the `error` events that were sent. */
  readonly errors: string[] = []
  /** Caller audio as it came, in base64, once the session had its format. */
  readonly audio: string[] = []
  /** Caller audio that was decoded as PCM, because it came before its format. */
  readonly noise: string[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #closing = Promise.withResolvers<{ code: number; reason: string }>()
  readonly #options: ConnectionOptions
  readonly #sink: Sink
  readonly #waiting: { type: string | undefined; resolve: (event: ClientEvent) => void }[] = []
  readonly #audioWaiting: { count: number; resolve: () => void }[] = []
  #unread: ClientEvent[] = []
  #isConfigured = false
  #session: Json = {}
  #items: string[] = []
  /** Milliseconds of audio sent of each item of the assistant. */
  readonly #sentMs = new Map<string, number>()
  #active: { id: string; cancel: AbortController } | null = null
  #bufferedBytes = 0
  #isMute = false
  #serial = 0
  /** Updates of the session that wait; undefined: they are confirmed at once. */
  #heldUpdates: ClientEvent[] | undefined

  constructor(url: URL, headers: Headers, sink: Sink, options: ConnectionOptions) {
    this.url = url
    this.headers = headers
    this.#sink = sink
    this.#options = options
    this.closed = this.#closing.promise
  }

  /** Confirms no update of the session until the returned function is called. */
  holdUpdates(): () => void {
    this.#heldUpdates ??= []
    return () => this.confirmUpdates()
  }

  /** Confirms the updates that were held, and those that follow at once. */
  confirmUpdates(): void {
    const held = this.#heldUpdates ?? []
    this.#heldUpdates = undefined
    for (const event of held) this.#update(event)
  }

  get activeId(): string | null {
    return this.#active?.id ?? null
  }

  open(): void {
    const pcm = { format: { type: "audio/pcm", rate: 24_000 } }
    this.#session = { type: "realtime", audio: { input: pcm, output: pcm } }
    this.emit("session.created", { session: this.#sessionObject() })
    this.emit("conversation.created", { conversation: { id: "conv_1" } })
  }

  /** The next event of the client that was not asked for yet; those of other types before it are skipped. */
  next(type?: string): Promise<ClientEvent> {
    const at = this.#unread.findIndex((event) => type === undefined || event.type === type)
    const event = this.#unread[at]
    if (!event) return new Promise((resolve) => this.#waiting.push({ type, resolve }))
    this.#unread = this.#unread.slice(at + 1)
    return Promise.resolve(event)
  }

  /** Resolves once so many pieces of caller audio have come. */
  heard(count: number): Promise<void> {
    if (this.audio.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#audioWaiting.push({ count, resolve }))
  }

  emit(type: string, fields: Json): void {
    if (this.#isMute) return
    this.#sink.send(JSON.stringify({ type, event_id: this.#id("event"), ...fields }))
  }

  /** Puts text on the wire as it stands. */
  sendRaw(text: string): void {
    this.#sink.send(text)
  }

  close(code: number, reason = ""): void {
    this.#active?.cancel.abort()
    this.#sink.close(code, reason)
  }

  /** Ends the connection with no close frame, as a broken network does. */
  drop(): void {
    this.#active?.cancel.abort()
    this.#sink.terminate()
  }

  /** Sends no event from now on; reads everything, and answers pings. */
  mute(): void {
    this.#isMute = true
  }

  /** Neither reads nor answers from now on, pings included, as a peer behind a broken network. */
  halfOpen(): void {
    this.#isMute = true
    this.#sink.pause()
  }

  /** The session is 60 minutes old. */
  expire(): void {
    this.#error(undefined, "session_expired", "Your session hit the maximum duration of 60 minutes.")
    this.close(1001, "session expired")
  }

  /** The caller begins to speak; the active response is cancelled. Returns the id of the coming item. */
  speechStarted(audioStartMs = 0): string {
    const itemId = this.#id("item")
    this.emit("input_audio_buffer.speech_started", { audio_start_ms: audioStartMs, item_id: itemId })
    this.#active?.cancel.abort("turn_detected")
    return itemId
  }

  /** The caller has finished: the audio becomes an item. */
  speechStopped(itemId: string, audioEndMs = 1000): void {
    this.emit("input_audio_buffer.speech_stopped", { audio_end_ms: audioEndMs, item_id: itemId })
    this.#commit(itemId)
  }

  transcribe(itemId: string, transcript: string): void {
    const usage = { type: "duration", seconds: 1 }
    const type = "conversation.item.input_audio_transcription.completed"
    this.emit(type, { item_id: itemId, content_index: 0, transcript, usage })
  }

  /** Runs a response to its end, as after a turn of the caller. Out of band it enters no conversation. */
  async respond(script: ResponseScript, { metadata = null, outOfBand = false }: RespondOptions = {}) {
    const id = this.#id("resp")
    const cancel = new AbortController()
    if (!outOfBand) this.#active = { id, cancel }
    const wire = responseWire(script, {
      id,
      metadata,
      inConversation: !outOfBand,
      newItemId: () => this.#id("item"),
      previousItemId: () => this.#items.at(-1) ?? null,
      cancelled: cancel.signal,
    })
    for await (const { type, fields, enters, sent, ending } of wire) {
      if (enters !== undefined && !outOfBand) this.#items.push(enters)
      if (sent) this.#sentMs.set(sent.itemId, (this.#sentMs.get(sent.itemId) ?? 0) + sent.ms)
      // The next create may come as soon as the client has read this.
      if (type === "response.done" && this.#active?.id === id) this.#active = null
      if (type !== undefined) this.emit(type, fields ?? {})
      if (ending === "closed") this.close(1011, "going down")
      if (ending === "dropped") this.drop()
    }
    return id
  }

  /** A frame of the client. */
  receive(text: string | Buffer): void {
    const event = parseClientEvent(text)
    if (!event) return this.#options.fault("a frame that is no event")
    const faults = clientEventFaults(event)
    for (const fault of faults) this.#options.fault(fault)
    if (faults.length > 0) this.#error(event, "invalid_value", faults.join("; "))
    else this.#serve(event)
    if (event.type !== "input_audio_buffer.append") this.#record(event)
  }

  gone(code: number, reason: string): void {
    this.#active?.cancel.abort()
    this.#closing.resolve({ code, reason })
  }

  #serve(event: ClientEvent): void {
    switch (event.type) {
      case "session.update":
        return this.#update(event)
      case "input_audio_buffer.append":
        return this.#append(String(event["audio"]))
      case "input_audio_buffer.commit":
        // 100 ms is the least that OpenAI takes.
        if (this.#bufferedBytes >= 800) return this.#commit(this.#id("item"))
        return this.#error(event, "input_audio_buffer_commit_empty", "buffer too small")
      case "input_audio_buffer.clear":
        this.#bufferedBytes = 0
        return this.emit("input_audio_buffer.cleared", {})
      case "conversation.item.create":
        return this.#createItem(event, event["item"] as Json)
      case "conversation.item.truncate":
        return this.#truncate(event, String(event["item_id"]), Number(event["audio_end_ms"]))
      case "conversation.item.delete": {
        const itemId = String(event["item_id"])
        if (!this.#items.includes(itemId)) return this.#error(event, "item_not_found", `no item ${itemId}`)
        this.#items = this.#items.filter((id) => id !== itemId)
        return this.emit("conversation.item.deleted", { item_id: itemId })
      }
      case "response.create":
        return this.#createResponse(event, (event["response"] ?? {}) as Json)
      case "response.cancel": {
        const { response_id: id = this.#active?.id } = event
        if (!this.#active || id !== this.#active.id) {
          return this.#error(event, "response_cancel_not_active", "no active response found")
        }
        return this.#active.cancel.abort("client_cancelled")
      }
      default:
    }
  }

  #update(event: ClientEvent): void {
    const { onUpdate } = this.#options
    if (onUpdate === "stall") return
    if (this.#heldUpdates) return void this.#heldUpdates.push(event)
    if (onUpdate === "keep-pcm") return this.emit("session.updated", { session: this.#sessionObject() })
    if (onUpdate === "name-none") return this.emit("session.updated", { session: { id: "sess_1" } })
    if (onUpdate !== "accept") return this.#error(event, onUpdate.code, onUpdate.message, onUpdate.type)
    this.#session = { ...this.#session, ...(event["session"] as Json) }
    this.#isConfigured = JSON.stringify(this.#session["audio"]).includes("audio/pcmu")
    this.emit("session.updated", { session: this.#sessionObject() })
  }

  #append(payload: string): void {
    if (!this.#isConfigured) {
      this.noise.push(payload)
      return this.#options.fault("caller audio before the session had its format: noise")
    }
    this.audio.push(payload)
    this.#bufferedBytes += Buffer.byteLength(payload, "base64")
    for (const waiting of this.#audioWaiting) if (this.audio.length >= waiting.count) waiting.resolve()
  }

  #commit(itemId: string): void {
    this.#bufferedBytes = 0
    const previous_item_id = this.#items.at(-1) ?? null
    this.#items.push(itemId)
    this.emit("input_audio_buffer.committed", { item_id: itemId, previous_item_id })
    const content = [{ type: "input_audio", transcript: null }]
    const item = { id: itemId, type: "message", status: "completed", role: "user", content }
    this.emit("conversation.item.added", { previous_item_id, item })
    this.emit("conversation.item.done", { previous_item_id, item })
  }

  #createItem(event: ClientEvent, item: Json): void {
    const { previous_item_id: previous } = event
    const id = typeof item["id"] === "string" ? item["id"] : this.#id("item")
    if (this.#items.includes(id)) return this.#error(event, "invalid_value", `item ${id} exists`)
    const before = previous === "root" ? -1 : this.#items.indexOf(String(previous))
    if (typeof previous === "string" && previous !== "root" && before < 0) {
      return this.#error(event, "item_not_found", `no item ${previous}`)
    }
    const at = typeof previous === "string" ? before + 1 : this.#items.length
    this.#items.splice(at, 0, id)
    const fields = {
      previous_item_id: this.#items[at - 1] ?? null,
      item: { ...item, id, object: "realtime.item", status: "completed" },
    }
    this.emit("conversation.item.added", fields)
    this.emit("conversation.item.done", fields)
  }

  #truncate(event: ClientEvent, itemId: string, audioEndMs: number): void {
    const sentMs = this.#sentMs.get(itemId)
    if (sentMs === undefined) return this.#error(event, "invalid_value", `item ${itemId} has no model audio`)
    if (audioEndMs > sentMs) {
      return this.#error(
        event,
        "invalid_value",
        `Audio content of ${sentMs}ms is already shorter than ${audioEndMs}ms`,
      )
    }
    this.#sentMs.set(itemId, audioEndMs)
    const fields = { item_id: itemId, content_index: event["content_index"], audio_end_ms: audioEndMs }
    this.emit("conversation.item.truncated", fields)
  }

  #createResponse(event: ClientEvent, response: Json): void {
    const outOfBand = response["conversation"] === "none"
    if (this.#active && !outOfBand) {
      return this.#error(event, "conversation_already_has_active_response", `active: ${this.#active.id}`)
    }
    const script = this.#options.scripts.shift()
    if (!script) return
    const metadata = (response["metadata"] ?? null) as Json | null
    this.respond(script, { metadata, outOfBand }).catch((error: unknown) =>
      this.#options.fault(String(error)),
    )
  }

  #record(event: ClientEvent): void {
    this.received.push(event)
    const at = this.#waiting.findIndex(({ type }) => type === undefined || type === event.type)
    const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1)
    if (waiting) waiting.resolve(event)
    else this.#unread.push(event)
  }

  #error(
    event: ClientEvent | undefined,
    code: string,
    message: string,
    type = "invalid_request_error",
  ): void {
    this.errors.push(code)
    this.emit("error", { error: { type, code, message, param: null, event_id: event?.event_id ?? null } })
  }

  #sessionObject(): Json {
    return { ...this.#session, id: "sess_1", expires_at: this.#options.expiresAt }
  }

  #id(kind: string): string {
    this.#serial += 1
    return `${kind}_${this.#serial}`
  }
}
