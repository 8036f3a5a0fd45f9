/** HTTP under Twilio's SDK: an optional origin for all hosts, a time limit, and retries after rate limits. */

import type RequestClient from "twilio/lib/base/RequestClient"
import { TwilioRestError } from "./rest-error.ts"

/** As much of `fetch` as is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export type HttpClientOptions = {
  /** Takes the place of the origin of every Twilio host; a path in it becomes a prefix. */
  baseUrl?: string | undefined
  /** For one attempt, answer included; in milliseconds. */
  timeoutMs: number
  /** Runs something when so many milliseconds have passed. Returns the cancellation. */
  after: After
  fetch: Fetch
  sleep: (ms: number) => Promise<void>
  /** From 0 up to 1, spreads the waiting. */
  random: () => number
}

export type After = (ms: number, run: () => void) => () => void

export type HttpRequest = RequestClient.RequestOptions<Record<string, unknown>, Record<string, unknown>>
export type HttpAnswer = { statusCode: number; body: string; headers: Record<string, string> }

const MAX_RETRIES = 3
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 3000
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
/** Failures of a connection that was never made. */
const NEVER_SENT = /^(ECONNREFUSED|ConnectionRefused|ENOTFOUND|EAI_AGAIN|.*CERT.*|UNABLE_TO_.*)$/

/**
 * The client that the SDK calls for each request. A 429 is repeated up to 3 times, also for a POST: Twilio has not
 * processed it ("Error 20429"). Nothing else is repeated. Throws `TwilioRestError` when there is no usable answer.
 */
export function createHttpClient(options: HttpClientOptions) {
  const { baseUrl, sleep, random } = options

  async function request(asked: HttpRequest): Promise<HttpAnswer> {
    const url = addressOf(asked, baseUrl)
    const init = initOf(asked)
    for (let attempt = 1; ; attempt++) {
      const answer = await exchange(url, init, options)
      if (answer.statusCode !== 429 || attempt > MAX_RETRIES) return answer
      await sleep(random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt))
    }
  }

  return { request }
}

function addressOf({ uri, params = {} }: HttpRequest, baseUrl: string | undefined): string {
  const url = new URL(uri)
  // Credentials go to Twilio, or to the address put in its place, and nowhere else.
  if (!/(^|\.)twilio\.com$/.test(url.hostname)) {
    throw new TwilioRestError(`${url.hostname} is not a host of Twilio's`, { kind: "refused" })
  }
  for (const [name, value] of pairsOf(params)) url.searchParams.append(name, value)
  if (baseUrl === undefined) return url.href
  const base = new URL(baseUrl)
  return `${base.origin}${base.pathname.replace(/\/+$/, "")}${url.pathname}${url.search}`
}

function initOf({ method, username, password, headers = {}, data }: HttpRequest): RequestInit {
  const credentials = Buffer.from(`${username ?? ""}:${password ?? ""}`).toString("base64")
  const init: RequestInit = {
    method: method.toUpperCase(),
    headers: { ...headers, Authorization: `Basic ${credentials}` },
    redirect: "manual",
    // If a reused connection is lost, it is unknown whether a POST has arrived.
    keepalive: method === "get",
  }
  if (data) init.body = new URLSearchParams(pairsOf(data)).toString()
  return init
}

async function exchange(url: string, init: RequestInit, { fetch, timeoutMs, after }: HttpClientOptions) {
  const { host } = new URL(url)
  const late = new AbortController()
  const cancelLimit = after(timeoutMs, () => late.abort())
  try {
    const response = await fetch(url, { ...init, signal: late.signal })
    const headers = Object.fromEntries(response.headers)
    return { statusCode: response.status, body: await textOf(response), headers }
  } catch (error) {
    const lateMs = late.signal.aborted ? timeoutMs : undefined
    throw connectionError(error, host, lateMs)
  } finally {
    cancelLimit()
  }
}

async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`answer of more than ${MAX_ANSWER_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** `lateMs`: the time limit, if the answer did not come within it. */
function connectionError(error: unknown, host: string, lateMs: number | undefined): TwilioRestError {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  if (NEVER_SENT.test(code)) {
    return new TwilioRestError(`Twilio cannot be reached at ${host} (${code})`, {
      kind: "refused",
      cause: error,
    })
  }
  const isLate = lateMs !== undefined
  const what = isLate
    ? `did not answer within ${lateMs} ms`
    : "closed the connection before its answer was complete"
  const message = `Twilio at ${host} ${what}; whether the request was carried out is unknown`
  return new TwilioRestError(message, { kind: "uncertain", cause: error })
}

/** Twilio takes a list as a repeated name. (Twilio: "Twilio API requests".) */
function pairsOf(fields: Record<string, unknown>): [string, string][] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || value === null) return []
    return (Array.isArray(value) ? value : [value]).map((item): [string, string] => [name, String(item)])
  })
}
