/** TwiML responses, and what follows one. */

import type { TwimlVerb } from "./twiml-reader.ts"

export type TwimlResponse = {
  /** Base of the relative addresses in it. */
  url: string
  verbs: readonly TwimlVerb[]
}

export type FetchStep = {
  type: "fetch"
  /** Absolute, or relative to `base`. */
  url: string
  base: string
  method: "GET" | "POST"
  /** Fields of this request alone. */
  extra: Record<string, string>
}

/** What follows a TwiML response: another one is asked for, or the call ends. */
export type ResponseResult = FetchStep | { type: "end"; reason: "completed" | "busy" | "no-answer" }

export function fetchStep(
  url: string,
  document: TwimlResponse,
  method: string | undefined,
  extra: Record<string, string>,
): FetchStep {
  return {
    type: "fetch",
    url,
    base: document.url,
    method: method?.toUpperCase() === "GET" ? "GET" : "POST",
    extra,
  }
}
