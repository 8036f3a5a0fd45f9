/** The event stream of a Flowise prediction: bytes in, events out. (Flowise: "Streaming".) */

import { z } from "zod"
import { brokenStream } from "../openai/openai-errors.ts"
import { readEventData } from "../server-sent-events.ts"

/** The event's name is in the JSON; the SSE event name is unused. */
const FlowiseEvent = z.object({ event: z.string(), data: z.unknown().optional() })
export type FlowiseEvent = z.infer<typeof FlowiseEvent>

/**
 * Reads events until the stream ends. Ignores comments, such as heartbeats, and unknown fields. Throws
 * `ChatModelError` for an event that is not JSON or is larger than 8 Mi characters.
 */
export async function* readFlowiseEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<FlowiseEvent, void> {
  for await (const text of readEventData(body)) yield toEvent(text)
}

function toEvent(text: string): FlowiseEvent {
  try {
    return FlowiseEvent.parse(JSON.parse(text))
  } catch (error) {
    throw brokenStream("holds an event that cannot be read", error)
  }
}
