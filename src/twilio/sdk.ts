/** The way to Twilio's SDK, which is loaded by the first request. */

import type RequestClient from "twilio/lib/base/RequestClient"
import { AppError } from "../lib/errors.ts"
import { createHttpClient, type After, type Fetch } from "./http-client.ts"
import { toTwilioRestError } from "./rest-error.ts"

export type TwilioSdkOptions = {
  accountSid: string
  authToken?: string | undefined
  /** Used in place of the auth token, with its secret. */
  apiKey?: string | undefined
  apiSecret?: string | undefined
  /** One address in place of all Twilio hosts, for tests and proxies. */
  baseUrl?: string | undefined
  /** Only together: Twilio has retired the hosts of a region without an edge. (Twilio: "Using the REST API in a non-US region".) */
  edge?: string | undefined
  region?: string | undefined
  /** For one attempt. */
  timeoutMs?: number
  /** Times the limit of an attempt. Default: a timer of its own. */
  after?: After
  fetch?: Fetch
  sleep?: (ms: number) => Promise<void>
  random?: () => number
}

/** Lets `work` use the SDK's client. What it throws becomes a `TwilioRestError`; `task` completes "Twilio refused to …". */
export type Ask = <T>(task: string, work: (client: Client) => Promise<T>) => Promise<T>

export function createAsk(options: TwilioSdkOptions): Ask {
  const secrets = [options.authToken ?? "", options.apiSecret ?? ""]
  let loading: Promise<Client> | undefined

  return async function ask(task, work) {
    loading ??= loadClient(options)
    const client = await loading
    try {
      return await work(client)
    } catch (error) {
      throw toTwilioRestError(error, task, secrets)
    }
  }
}

type Client = Awaited<ReturnType<typeof loadClient>>

/** What every request to Twilio needs. Throws `AppError` NOT_CONFIGURED without usable credentials. */
export function connectionOf(options: TwilioSdkOptions) {
  const { accountSid, authToken, apiKey, apiSecret, baseUrl } = options
  const { timeoutMs = 10_000, fetch = globalThis.fetch, sleep = Bun.sleep, random = Math.random } = options
  const { after = withTimer } = options
  const [username, password] = apiKey && apiSecret ? [apiKey, apiSecret] : [accountSid, authToken]
  if (!accountSid.startsWith("AC") || !password) {
    const names =
      "TWILIO_ACCOUNT_SID (it begins with AC) and TWILIO_AUTH_TOKEN, or an API key with its secret"
    throw new AppError("NOT_CONFIGURED", `Twilio's REST API needs ${names}`)
  }
  return {
    username,
    password,
    httpClient: createHttpClient({ baseUrl, timeoutMs, after, fetch, sleep, random }),
  }
}

async function loadClient(options: TwilioSdkOptions) {
  const { accountSid, edge = "", region = "" } = options
  const { username, password, httpClient } = connectionOf(options)
  const { default: sdk } = await import("twilio")
  return new sdk.Twilio(username, password, {
    accountSid,
    // Texts, also empty ones, keep the SDK from reading the environment.
    edge,
    region,
    // The SDK calls nothing but `request` of its client, whose class would bring a second HTTP library to life.
    httpClient: httpClient as unknown as RequestClient,
  })
}

function withTimer(ms: number, run: () => void): () => void {
  const signal = AbortSignal.timeout(ms)
  signal.addEventListener("abort", run, { once: true })
  return () => signal.removeEventListener("abort", run)
}
