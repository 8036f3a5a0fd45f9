/** A response that a conversation needs from the model, as its `response.create`. Pure. */

import { encodeResponseCreate, type ResponseOverrides } from "./protocol/client-events.ts"
import type { RealtimeResponse } from "./protocol/objects.ts"

export type ResponseRequest =
  /** Is said whatever the caller says meanwhile. */
  | { kind: "sentence"; text: string }
  /**
   * `about`: ids of the items to be answered, as a rule outputs of tools. A response that the server starts by itself
   * after these items have entered the conversation answers them as well, and the request is dropped.
   */
  | { kind: "answer"; about: readonly string[] }

/** Metadata key under which a response repeats the event id of its `response.create`. */
const CREATE_ID = "parley_create"

/** The frame of a request. The response to it can be recognised by `eventIdIn`. */
export function encodeRequest(request: ResponseRequest, eventId: string): string {
  return encodeResponseCreate({ ...overridesFor(request), metadata: { [CREATE_ID]: eventId } }, eventId)
}

/** The event id of the request that a response belongs to; undefined for one that the server started by itself. */
export function eventIdIn(metadata: RealtimeResponse["metadata"]): string | undefined {
  return metadata[CREATE_ID]
}

function overridesFor(request: ResponseRequest): ResponseOverrides {
  if (request.kind === "answer") return {}
  return {
    instructions: `Say exactly the following to the caller, word for word, and nothing else:\n\n${request.text}`,
    input: [],
    toolChoice: "none",
  }
}
