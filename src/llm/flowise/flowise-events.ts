/** The event stream of a Flowise prediction: bytes in, events out. (Flowise: "Streaming".) */

import { z } from "zod"
import { brokenStream } from "../openai/openai-errors.ts"

/** The name stands in the JSON; the SSE event name is not used. */
const FlowiseEvent = z.object({ event: z.string(), data: z.unknown().optional() })
export type FlowiseEvent = z.infer<typeof FlowiseEvent>

/** The data of executed nodes can be large; nothing that is spoken is. */
const MAX_EVENT_CHARS = 8 * 1024 * 1024

/**
 * Reads events until the stream ends. Comments, such as heartbeats, and unknown fields are nothing. Throws
 * `ChatModelError` for an event that is no JSON or larger than 8 Mi characters.
 */
export async function* readFlowiseEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<FlowiseEvent, void> {
  const decoder = new TextDecoder()
  let rest = ""
  let data: string[] = []
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const ended of lines) {
      const line = ended.endsWith("\r") ? ended.slice(0, -1) : ended
      if (line.startsWith("data:")) data.push(line.slice(5))
      if (line !== "" || data.length === 0) continue
      const text = data.join("\n")
      data = []
      yield toEvent(text)
    }
    if (rest.length + data.reduce((sum, { length }) => sum + length, 0) > MAX_EVENT_CHARS) {
      throw brokenStream("holds an event that is too large")
    }
  }
}

function toEvent(text: string): FlowiseEvent {
  try {
    return FlowiseEvent.parse(JSON.parse(text))
  } catch (error) {
    throw brokenStream("holds an event that cannot be read", error)
  }
}
