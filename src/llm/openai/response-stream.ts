/**
 * Reads the events of a streamed response. The reader of the SDK searches bytes, makes three generators and several objects
 * for each line; here it is one slice and one parse for each event.
 */

import { readEvents } from "../server-sent-events.ts"
import { brokenStream, chunkFailure } from "./openai-errors.ts"

/** `data: [DONE]`, which some servers send behind the last event. */
const DONE = "[DONE]"

/** Yields each event as parsed JSON. Throws `ChatModelError` for one that is no JSON, or reports an error of the server. */
export function readResponseStream({ body }: Response): AsyncGenerator<unknown, void> {
  if (!body) throw brokenStream("had no body")
  return readEvents(body, parse)
}

function parse(text: string): unknown {
  if (text === DONE) return DONE
  const event = parseJson(text)
  const error = errorOf(event)
  if (error) throw chunkFailure(error)
  return event
}

/** What some compatible servers send in place of an event. */
function errorOf(event: unknown): unknown {
  return typeof event === "object" && event !== null && "error" in event ? event.error : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw brokenStream("held an event that is no JSON", error)
  }
}
