/** Address and headers of a Realtime socket at OpenAI, and what its sockets for speech have in common. */

import { z } from "zod"
import { socketUrl, type SocketTarget } from "../../lib/client-socket.ts"
import { rejection, type SpeechFailure } from "../failure.ts"

export type RealtimeAccount = {
  /** As in `https://api.openai.com/v1`. */
  baseUrl: string
  /** Without one no `Authorization` header is sent. */
  apiKey?: string | undefined
}

/** Mu-law at 8 kHz; OpenAI refuses a `rate` beside it. Source: OpenAI "Realtime conversations". */
export const MULAW_FORMAT = "audio/pcmu"

export function realtimeAddress(
  { baseUrl, apiKey }: RealtimeAccount,
  query: Record<string, string>,
): SocketTarget {
  const url = socketUrl(baseUrl, "/realtime")
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return { url: url.href, headers: apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` } }
}

const format = z.object({ format: z.object({ type: z.string() }).nullish() }).nullish()
export const SessionUpdated = z.object({
  type: z.literal("session.updated"),
  session: z.object({ audio: z.object({ input: format, output: format }).nullish() }),
})
export const ErrorEvent = z.object({
  type: z.literal("error"),
  error: z.object({
    code: z.string().nullish(),
    message: z.string().default(""),
    event_id: z.string().nullish(),
  }),
})

/** A server that has not confirmed mu-law takes it for PCM, which is noise; some local servers do. */
export function formatRefusal(confirmed: string | undefined): SpeechFailure | undefined {
  if (confirmed === MULAW_FORMAT) return undefined
  const message = `the server must confirm ${MULAW_FORMAT}, its session has ${confirmed ?? "no format"}`
  return { reason: "refused", retryable: false, status: null, message }
}

/** The failure behind an `error` event that ends what the socket is for. */
export function errorFailure({ error }: z.output<typeof ErrorEvent>): SpeechFailure {
  const failure = rejection(error.code ?? "unknown", error.message)
  return error.code === "session_expired" ? { ...failure, reason: "expired" } : failure
}
