/** Reads the response of a Chat Completions server: chunks, then an optional end mark. */

import { readEventData } from "../server-sent-events.ts"
import { brokenStream } from "./openai-errors.ts"

/** `END` is `data: [DONE]`; some servers omit it and only close the stream. */
export const END = Symbol("[DONE]")
export type ChatStreamEvent = typeof END | { chunk: unknown }

/** A server that does not stream sends one JSON object, which is read as one chunk. */
export async function* readChatStream({ body, headers }: Response): AsyncGenerator<ChatStreamEvent, void> {
  if (!body) throw brokenStream("had no body")
  if (headers.get("content-type")?.startsWith("application/json")) {
    yield { chunk: parse(await new Response(body).text()) }
    yield END
    return
  }
  for await (const text of readEventData(body)) {
    if (text.trim() === "[DONE]") yield END
    else if (text.trim() !== "") yield { chunk: parse(text) }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw brokenStream("held a chunk that is no JSON", error)
  }
}
