/**
 * The events that a client sends over a Realtime socket, as text frames ready to go out.
 * Source: OpenAI "Realtime API reference: Client events".
 */

/** An item that a client may create. Audio of the assistant cannot be created. */
export type NewItem =
  | { type: "message"; role: "user" | "assistant" | "system"; text: string; id?: string | undefined }
  | { type: "function-call"; callId: string; name: string; arguments: string; id?: string | undefined }
  | { type: "function-call-output"; callId: string; output: string; id?: string | undefined }

/** What one response does differently from the session. */
export type ResponseOverrides = {
  /** In place of the session's instructions, for this response only. */
  instructions?: string | undefined
  /** Context in place of the conversation; empty: none at all. */
  input?: readonly NewItem[] | undefined
  /** Runs beside the dialogue and leaves no trace in it. */
  outOfBand?: boolean | undefined
  textOnly?: boolean | undefined
  toolChoice?: "auto" | "none" | "required" | undefined
  maxOutputTokens?: number | undefined
  /** Comes back in `response.created` and `response.done`. At most 16 pairs, 64 and 512 characters. */
  metadata?: Readonly<Record<string, string>> | undefined
}

/** `session` is the wire object of `session-settings.ts`; success is answered by `session.updated`. */
export function encodeSessionUpdate(session: object, eventId: string): string {
  return JSON.stringify({ type: "session.update", event_id: eventId, session })
}

const APPEND_PREFIX = '{"type":"input_audio_buffer.append","audio":"'
const APPEND_SUFFIX = '"}'

/** One piece of caller audio. `payload` is base64 in the session's input format and is not looked at. */
export function encodeAppend(payload: string): string {
  return APPEND_PREFIX + payload + APPEND_SUFFIX
}

/** Makes a user item of the buffer; only needed without turn detection. */
export function encodeCommit(): string {
  return '{"type":"input_audio_buffer.commit"}'
}

/** Empties the buffer of audio that is not committed yet. */
export function encodeClear(): string {
  return '{"type":"input_audio_buffer.clear"}'
}

/** `previousItemId`: the item it goes after, `root` for the beginning, none for the end. */
export function encodeItemCreate(
  item: NewItem,
  { previousItemId, eventId }: { previousItemId?: string | undefined; eventId?: string | undefined } = {},
): string {
  return JSON.stringify({
    type: "conversation.item.create",
    event_id: eventId,
    previous_item_id: previousItemId,
    item: wireItem(item),
  })
}

/** `audioEndMs` counts from the start of the item's audio and must not be more than was sent of it. */
export function encodeTruncate({
  itemId,
  contentIndex = 0,
  audioEndMs,
  eventId,
}: {
  itemId: string
  contentIndex?: number | undefined
  audioEndMs: number
  eventId?: string | undefined
}): string {
  return JSON.stringify({
    type: "conversation.item.truncate",
    event_id: eventId,
    item_id: itemId,
    content_index: contentIndex,
    // The server takes whole milliseconds only.
    audio_end_ms: Math.max(0, Math.floor(audioEndMs)),
  })
}

export function encodeItemDelete(itemId: string): string {
  return JSON.stringify({ type: "conversation.item.delete", item_id: itemId })
}

export function encodeResponseCreate(overrides: ResponseOverrides, eventId: string): string {
  const { instructions, input, outOfBand, textOnly, toolChoice, maxOutputTokens, metadata } = overrides
  return JSON.stringify({
    type: "response.create",
    event_id: eventId,
    response: {
      instructions,
      input: input?.map(wireItem),
      conversation: outOfBand ? "none" : undefined,
      output_modalities: textOnly ? ["text"] : undefined,
      tool_choice: toolChoice,
      max_output_tokens: maxOutputTokens,
      metadata,
    },
  })
}

/** Without `responseId` it means the response of the dialogue; one out of band must be named. */
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
