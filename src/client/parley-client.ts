/** A client of Parley's API for browsers, Bun, Node.js 20 and other runtimes with `fetch`. No dependency. */

import type { CallStatusName as CallStatus } from "../call/call-statuses.ts"
import type { Engine } from "../call/engine.ts"
import { ParleyError } from "./parley-error.ts"
import { ParleyStream, type ParleyStreamOptions } from "./parley-stream.ts"

export { ParleyError } from "./parley-error.ts"
export type { CallStatusName as CallStatus } from "../call/call-statuses.ts"
export type { Engine } from "../call/engine.ts"
export { ParleyStream, type ParleyStreamOptions } from "./parley-stream.ts"
export type { ObserverMessage } from "../call/observer-message.ts"

/** A call as the API shows it. Times are ISO 8601. */
export type CallView = {
  /** Null until Twilio has answered. */
  callSid: string | null
  id: string
  direction: "inbound" | "outbound"
  status: CallStatus
  from: string
  to: string
  agent: string
  engine: Engine
  parameters: Record<string, string>
  userId: string | null
  createdAt: string
  answeredAt: string | null
  endedAt: string | null
  durationSeconds: number | null
  endedBy: "caller" | "agent" | "api" | "limit" | "silence" | "system" | null
  endReason: string | null
  resumes: number
  /** The caller's number, once a menu has checked it and the caller has confirmed it. */
  verifiedNumber: string | null
  /** How far the call has come in the phone menu of the called party; null without one. */
  ivrState: "navigating" | "human-reached" | "gave-up" | null
  live: boolean
  webhook: "pending" | "delivered" | "failed" | null
}

export type PlaceCall = {
  /** E.164. */
  to: string
  from?: string
  agent?: string
  engine?: Engine
  contextKey?: string
  manifestKey?: string
  parameters?: Record<string, string | number | boolean>
  prompt?: string
  firstMessage?: string
  /** The phone menu of the called party: its entries, or the key of a stored one; null: none. */
  ivrMenu?: { intent: string; triggers: string[]; response: string }[] | string | null
  timeoutSeconds?: number
  userId?: string
}

export type TurnView = {
  speaker: "caller" | "agent" | "system"
  kind: "speech" | "keypad"
  text: string
  interrupted: boolean
  lang: string | null
  startedAt: string
  endedAt: string | null
}

export type EventView = { id: number; at: string; type: string; [field: string]: unknown }

export type OutcomeView = {
  status: "none" | "pending" | "done" | "failed"
  data?: unknown
  error: string | null
}

export type StreamTicket = { ticket: string; url: string; expiresAt: string }

export type ParleyClientOptions = {
  /** Address of the server, without a slash at its end. */
  url: string
  /** A key of `API_KEYS`. Never put one into a public page: let your server fetch tickets. */
  key?: string
  fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** The WebSocket class. Node.js has one of its own from version 22 on; for Node.js 20 pass that of the package `ws`. */
  webSocket?: new (url: string) => WebSocket
}

type Query = Record<string, string | number | undefined>

/** Every method rejects with `ParleyError` for a refusal, and with the runtime's error when nothing answers. */
export class ParleyClient {
  readonly #options: ParleyClientOptions

  constructor(options: ParleyClientOptions) {
    this.#options = { ...options, url: options.url.replace(/\/+$/, "") }
  }

  /** Repeating a request with the same key and the same call does not place a second call. */
  placeCall(call: PlaceCall, idempotencyKey?: string): Promise<CallView> {
    const headers = idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }
    return this.#ask("POST", "/v1/calls", { body: call, headers })
  }

  calls(
    filter: { status?: CallStatus; agent?: string; limit?: number; cursor?: string } = {},
  ): Promise<{ calls: CallView[]; nextCursor: string | null }> {
    return this.#ask("GET", "/v1/calls", { query: filter })
  }

  call(sid: string): Promise<CallView> {
    return this.#ask("GET", pathOf(sid))
  }

  endCall(sid: string): Promise<CallView> {
    return this.#ask("POST", pathOf(sid, "/end"))
  }

  /** Speaks a sentence to the caller. */
  say(sid: string, text: string): Promise<{ accepted: true }> {
    return this.#ask("POST", pathOf(sid, "/say"), { body: { text } })
  }

  transcript(sid: string): Promise<{ callSid: string | null; status: CallStatus; turns: TurnView[] }> {
    return this.#ask("GET", pathOf(sid, "/transcript"))
  }

  events(
    sid: string,
    page: { afterId?: number; limit?: number } = {},
  ): Promise<{
    events: EventView[]
    nextAfterId: number | null
  }> {
    return this.#ask("GET", pathOf(sid, "/events"), { query: page })
  }

  outcome(sid: string): Promise<OutcomeView> {
    return this.#ask("GET", pathOf(sid, "/outcome"))
  }

  /** Delivers the webhook of the call to `WEBHOOK_URL` again. */
  deliverWebhook(sid: string): Promise<{ webhook: "pending" }> {
    return this.#ask("POST", pathOf(sid, "/webhook"))
  }

  /** Creates a ticket for one socket of this call, valid once and for a minute. A server passes it to a page. */
  streamTicket(sid: string): Promise<StreamTicket> {
    return this.#ask("POST", pathOf(sid, "/stream-ticket"))
  }

  /**
   * Watches a call. Each connection is opened with a ticket of its own. A refused ticket (unknown call, wrong key)
   * ends the stream: `onError` is given the `ParleyError`, `onState` is given `over`.
   */
  watch(sid: string, options: Omit<ParleyStreamOptions, "address">): ParleyStream {
    const { url, webSocket } = this.#options
    const address = async () => {
      const { ticket } = await this.streamTicket(sid)
      return `${url.replace(/^http/, "ws")}${pathOf(sid, "/stream")}?ticket=${encodeURIComponent(ticket)}`
    }
    return new ParleyStream({ ...(webSocket ? { webSocket } : {}), ...options, address })
  }

  async #ask<T>(
    method: string,
    path: string,
    {
      body,
      query = {},
      headers = {},
    }: { body?: unknown; query?: Query; headers?: Record<string, string> } = {},
  ): Promise<T> {
    const { url, key, fetch: send = fetch } = this.#options
    const given = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as const],
    )
    const search = given.length === 0 ? "" : `?${new URLSearchParams(Object.fromEntries(given)).toString()}`
    const answer = await send(`${url}${path}${search}`, {
      method,
      headers: {
        Accept: "application/json",
        ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const json: unknown = await answer.json().catch(() => undefined)
    if (!answer.ok) throw refusalOf(answer, json)
    // A test compares these types with the server's OpenAPI description.
    return json as T
  }
}

function pathOf(sid: string, rest = ""): string {
  return `/v1/calls/${encodeURIComponent(sid)}${rest}`
}

function refusalOf(answer: Response, json: unknown): ParleyError {
  const { code, message } = errorIn(json)
  const seconds = Number(answer.headers.get("retry-after") ?? "none")
  const retryAfter = Number.isFinite(seconds) ? seconds : undefined
  return new ParleyError(answer.status, code, message ?? `The server answered ${answer.status}`, retryAfter)
}

function errorIn(json: unknown): { code: string; message: string | undefined } {
  const error = typeof json === "object" && json !== null && "error" in json ? json.error : undefined
  if (typeof error !== "object" || error === null) return { code: "UNKNOWN", message: undefined }
  return {
    code: "code" in error ? String(error.code) : "UNKNOWN",
    message: "message" in error ? String(error.message) : undefined,
  }
}
