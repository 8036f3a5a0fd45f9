/**
 * Reads the `data` of server-sent events from a byte stream. (WHATWG HTML: "Server-sent events".) There is one event for
 * each token of an answer, so whoever needs more than its text passes a function: another generator would cost more.
 */

import { brokenStream } from "./openai/openai-errors.ts"

/** Text arrives in small events; records of a server's work may be large. */
const MAX_EVENT_CHARS = 8 * 1024 * 1024

/** Yields the data of each event. */
export const readEventData = (body: AsyncIterable<Uint8Array>) => readEvents(body, (data) => data)

/**
 * Yields what `read` makes of the data of each event; lines of one event are joined. Ignores comments, other fields, and an event without its
 * closing blank line. Throws `ChatModelError` for an event larger than 8 Mi characters.
 */
export async function* readEvents<Event>(
  body: AsyncIterable<Uint8Array>,
  read: (data: string) => Event,
): AsyncGenerator<Event, void> {
  const decoder = new TextDecoder()
  let rest = ""
  let data: string[] = []
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const ended of lines) {
      const line = ended.endsWith("\r") ? ended.slice(0, -1) : ended
      if (line.startsWith("data:")) data.push(line.slice(line.startsWith("data: ") ? 6 : 5))
      if (line !== "" || data.length === 0) continue
      const text = data.join("\n")
      data = []
      yield read(text)
    }
    if (rest.length + data.reduce((sum, { length }) => sum + length, 0) > MAX_EVENT_CHARS) {
      throw brokenStream("holds an event that is too large")
    }
  }
}
