/**
 * Encodes the events of a Realtime client as text frames.
 * Source: OpenAI "Realtime API reference: Client events".
 */

/** An item that a client may create. Audio of the assistant cannot be created. */
export type NewItem =
  | { type: "message"; role: "user" | "assistant" | "system"; text: string; id?: string | undefined }
  | { type: "function-call"; callId: string; name: string; arguments: string; id?: string | undefined }
  | { type: "function-call-output"; callId: string; output: string; id?: string | undefined }

/** Settings of one response that differ from those of the session. */
export type ResponseOverrides = {
  /** Replaces the session's instructions. */
  instructions?: string | undefined
  /** Replaces the conversation as the context of the response; an empty list is no context at all. */
  input?: readonly [] | undefined
  toolChoice?: "auto" | "none" | "required" | undefined
  /** The server repeats it in `response.created` and `response.done`. At most 16 pairs, 64 and 512 characters. */
  metadata?: Readonly<Record<string, string>> | undefined
}

/** `session`: see `sessionFor` in `session-update.ts`. The server answers with `session.updated`. */
export function encodeSessionUpdate(session: object, eventId: string): string {
  return JSON.stringify({ type: "session.update", event_id: eventId, session })
}

const APPEND_PREFIX = '{"type":"input_audio_buffer.append","audio":"'
const APPEND_SUFFIX = '"}'

/** One piece of caller audio. `payload`: base64 in the session's input format; not checked here. */
export function encodeAppend(payload: string): string {
  return APPEND_PREFIX + payload + APPEND_SUFFIX
}

/** Turns the buffered audio into a user item; only needed without turn detection. */
export function encodeCommit(): string {
  return '{"type":"input_audio_buffer.commit"}'
}

/** Appends an item to the conversation. */
export function encodeItemCreate(item: NewItem): string {
  return JSON.stringify({ type: "conversation.item.create", item: wireItem(item) })
}

/** `audioEndMs` counts from the start of the item's audio and must not exceed the audio that the server sent of it. */
export function encodeTruncate({ itemId, audioEndMs }: { itemId: string; audioEndMs: number }): string {
  return JSON.stringify({
    type: "conversation.item.truncate",
    item_id: itemId,
    content_index: 0,
    // The server only accepts whole milliseconds.
    audio_end_ms: Math.max(0, Math.floor(audioEndMs)),
  })
}

export function encodeItemDelete(itemId: string): string {
  return JSON.stringify({ type: "conversation.item.delete", item_id: itemId })
}

export function encodeResponseCreate(overrides: ResponseOverrides, eventId: string): string {
  const { instructions, input, toolChoice, metadata } = overrides
  return JSON.stringify({
    type: "response.create",
    event_id: eventId,
    response: { instructions, input, tool_choice: toolChoice, metadata },
  })
}

/** Without `responseId` the server cancels the active response of the conversation. */
export function encodeCancel({
  responseId,
  eventId,
}: {
  responseId?: string | undefined
  eventId?: string | undefined
}): string {
  return JSON.stringify({ type: "response.cancel", event_id: eventId, response_id: responseId })
}

function wireItem(item: NewItem): object {
  switch (item.type) {
    case "message": {
      const type = item.role === "assistant" ? "output_text" : "input_text"
      return { id: item.id, type: "message", role: item.role, content: [{ type, text: item.text }] }
    }
    case "function-call": {
      const { id, callId, name, arguments: args } = item
      return { id, type: "function_call", call_id: callId, name, arguments: args }
    }
    case "function-call-output":
      return { id: item.id, type: "function_call_output", call_id: item.callId, output: item.output }
    default:
      return item satisfies never
  }
}
