/** What the fake Realtime server answers, in words of the test, and how that looks on the wire. */

export type Json = Record<string, unknown>

export type ResponsePart =
  /** Speech of so many milliseconds in pieces of `pieceMs` (200). */
  | { say: string; ms: number; pieceMs?: number; itemId?: string }
  | { write: string }
  | { call: string; arguments: string; callId: string; status?: "completed" | "incomplete" }
  /** Text put on the wire as one event of the test's own making. */
  | { event: { type: string } & Json }

export type ResponseEnding =
  | "completed"
  /** Nothing more comes. */
  | "stalled"
  /** The connection closes with a close frame, or without one. */
  | "closed"
  | "dropped"
  | { failed: { code: string; message: string } }
  | { incomplete: string }

export type ResponseScript = {
  parts: readonly ResponsePart[]
  ending?: ResponseEnding
  /** Awaited before each piece of audio: the test's own time. */
  pace?: () => Promise<unknown>
}

export type ConnectionOptions = {
  /**
   * What the server does with the first `session.update`: answer it, refuse it, or nothing at all. As some local servers
   * do, it may also answer with its own format (`keep-pcm`) or without any (`name-none`), and take audio for PCM.
   */
  onUpdate: "accept" | "stall" | "keep-pcm" | "name-none" | { code: string; message: string; type?: string }
  /** Seconds since the epoch. */
  expiresAt: number
  /** Answers to the next creates, in this order; without one a create is acknowledged by nothing but the record. */
  scripts: ResponseScript[]
  fault: (text: string) => void
}

export type WireStep = {
  type?: string
  fields?: Json
  /** An item that enters the conversation with this event. */
  enters?: string
  sent?: { itemId: string; ms: number }
  ending?: "closed" | "dropped"
}

export type WireOptions = {
  id: string
  metadata: Json | null
  inConversation: boolean
  newItemId: () => string
  previousItemId: () => string | null
  cancelled: AbortSignal
}

const BYTES_PER_MS = 8

/** The events of one response in their order. A cancellation takes hold before the next piece. */
export async function* responseWire(script: ResponseScript, options: WireOptions): AsyncGenerator<WireStep> {
  const { parts, ending = "completed", pace } = script
  const { id, cancelled } = options
  const output: Json[] = []
  yield { type: "response.created", fields: { response: responseObject(options, "in_progress", null, []) } }
  for (const [index, part] of parts.entries()) {
    if ("event" in part) {
      yield { type: part.event.type, fields: part.event }
      continue
    }
    const itemId = ("itemId" in part ? part.itemId : undefined) ?? options.newItemId()
    const at = { response_id: id, item_id: itemId, output_index: index, content_index: 0 }
    const previous_item_id = options.previousItemId()
    const started = itemObject(part, itemId, "in_progress")
    yield {
      type: "response.output_item.added",
      fields: { response_id: id, output_index: index, item: started },
    }
    if (options.inConversation) {
      yield { type: "conversation.item.added", fields: { previous_item_id, item: started }, enters: itemId }
    }
    if ("write" in part) {
      yield { type: "response.output_text.delta", fields: { ...at, delta: part.write } }
      yield { type: "response.output_text.done", fields: { ...at, text: part.write } }
    }
    if ("say" in part) {
      for (const delta of part.say.match(/\s*\S+/g) ?? []) {
        yield { type: "response.output_audio_transcript.delta", fields: { ...at, delta } }
      }
      const { pieceMs = 200 } = part
      for (let fromMs = 0; fromMs < part.ms && !cancelled.aborted; fromMs += pieceMs) {
        await Promise.race([pace?.(), aborted(cancelled)])
        if (cancelled.aborted) break
        const ms = Math.min(pieceMs, part.ms - fromMs)
        const delta = Buffer.alloc(ms * BYTES_PER_MS, 0x20 + (fromMs % 64)).toString("base64")
        yield { type: "response.output_audio.delta", fields: { ...at, delta }, sent: { itemId, ms } }
      }
      yield { type: "response.output_audio.done", fields: at }
    }
    const status = cancelled.aborted
      ? "incomplete"
      : "call" in part
        ? (part.status ?? "completed")
        : "completed"
    const item = itemObject(part, itemId, status)
    output.push(item)
    yield { type: "response.output_item.done", fields: { response_id: id, output_index: index, item } }
    if (options.inConversation) yield { type: "conversation.item.done", fields: { previous_item_id, item } }
    if (cancelled.aborted) break
  }
  if (ending === "stalled" && !cancelled.aborted) await aborted(cancelled)
  if (ending === "closed" || ending === "dropped") {
    yield { ending }
    return
  }
  if (cancelled.aborted) {
    // Without a reason the connection is gone and nothing can be sent.
    if (typeof cancelled.reason !== "string") return
    const response = responseObject(options, "cancelled", { reason: cancelled.reason }, output)
    yield { type: "response.done", fields: { response } }
    return
  }
  yield { type: "response.done", fields: { response: endedObject(options, ending, output) } }
}

function endedObject(options: WireOptions, ending: ResponseEnding, output: Json[]): Json {
  if (typeof ending === "string") return responseObject(options, "completed", null, output)
  if ("failed" in ending) return responseObject(options, "failed", { error: ending.failed }, output)
  return responseObject(options, "incomplete", { reason: ending.incomplete }, output)
}

function responseObject(options: WireOptions, status: string, details: Json | null, output: Json[]): Json {
  const usage = {
    total_tokens: 30,
    input_tokens: 20,
    output_tokens: 10,
    input_token_details: { text_tokens: 12, audio_tokens: 8, cached_tokens: 4 },
    output_token_details: { text_tokens: 3, audio_tokens: 7 },
  }
  return {
    id: options.id,
    object: "realtime.response",
    status,
    status_details: details && { type: status, ...details },
    output,
    conversation_id: options.inConversation ? "conv_1" : null,
    metadata: options.metadata,
    usage: status === "in_progress" || status === "failed" ? null : usage,
  }
}

function itemObject(part: Exclude<ResponsePart, { event: unknown }>, id: string, status: string): Json {
  const isWhole = status !== "in_progress"
  const head = { id, object: "realtime.item", status }
  if ("call" in part) {
    const { call: name, callId: call_id } = part
    return { ...head, type: "function_call", name, call_id, arguments: isWhole ? part.arguments : "" }
  }
  const content =
    "write" in part
      ? { type: "output_text", text: part.write }
      : { type: "output_audio", transcript: part.say }
  return { ...head, type: "message", role: "assistant", content: isWhole ? [content] : [] }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
}
