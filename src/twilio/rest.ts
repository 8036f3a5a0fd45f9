/** Twilio's REST API as this program uses it. The SDK behind it is loaded by the first request. */

import type { CallInstance } from "twilio/lib/rest/api/v2010/account/call"
import type { IncomingPhoneNumberInstance } from "twilio/lib/rest/api/v2010/account/incomingPhoneNumber"
import type RequestClient from "twilio/lib/base/RequestClient"
import { z } from "zod"
import type { Direction } from "../call/call.ts"
import { CallSid } from "../call/ids.ts"
import type { CallStatus } from "../call/status.ts"
import { AppError } from "../lib/errors.ts"
import { createHttpClient, type Fetch } from "./http-client.ts"
import { toTwilioRestError, TwilioRestError } from "./rest-error.ts"
import { callStatusOf, directionOf } from "./words.ts"

export type CallRequest = {
  to: string
  from: string
  /** Asked for TwiML by POST when the call is answered. */
  url: string
  /** Receives every change of status by POST. */
  statusCallback: string
  /** Longest call. */
  timeLimitSeconds?: number | undefined
  /** Longest ringing, at most 600; 60 where it is missing. */
  timeoutSeconds?: number | undefined
  /** Touch tones after the answer, `w` for half a second of pause; at most 32 characters. */
  sendDigits?: string | undefined
}

export type MessageRequest = {
  to: string
  from: string
  body: string
  /** Told by POST what becomes of the message. */
  statusCallback?: string | undefined
}

export type CreatedCall = { sid: CallSid; status: CallStatus }

/** A call as Twilio knows it. Times in milliseconds since the epoch, in whole seconds. */
export type RemoteCall = {
  sid: CallSid
  status: CallStatus
  from: string
  to: string
  direction: Direction
  /** Null until it was dialled. */
  startedAt: number | null
  endedAt: number | null
  durationSeconds: number | null
}

/** A phone number of the account. (Twilio: "IncomingPhoneNumber resource".) */
export type AccountNumber = {
  sid: string
  phoneNumber: string
  friendlyName: string
  /** Asked about incoming calls, unless application or trunk are set. */
  voiceUrl: string | null
  voiceApplicationSid: string | null
  trunkSid: string | null
}

/**
 * Every method throws `TwilioRestError`, whose `kind` says whether the request was carried out, and `AppError`
 * NOT_CONFIGURED without usable credentials.
 */
export interface TwilioRest {
  /** Places a call. When the failure is `uncertain`, `recentCalls` shows whether it came about. */
  placeCall(request: CallRequest): Promise<CreatedCall>
  /** Hangs up, also while it rings. A call that is over already is no error. */
  endCall(sid: CallSid): Promise<void>
  /** Replaces the TwiML that the call runs; this ends a relay session. `twiml` has at most 4,000 characters. */
  updateCall(sid: CallSid, change: { twiml: string } | { url: string }): Promise<void>
  /** May lag behind: right after a change it can still show the status before. */
  fetchCall(sid: CallSid): Promise<RemoteCall>
  /** Calls between two numbers that were created at or after a time, among the 50 newest. */
  recentCalls(search: { to: string; from: string; startedAfter: number }): Promise<RemoteCall[]>
  /** Addresses that Twilio requested for a call, the first 50. Twilio lists them with a delay. (Twilio: "Call Events subresource".) */
  requestedUrls(sid: CallSid): Promise<string[]>
  /** Sends a text message of at most 1,600 characters. That it was accepted does not mean that it arrived. */
  sendMessage(message: MessageRequest): Promise<{ sid: string; status: string }>
  /** The account's phone numbers, at most `limit` and never more than 1,000; 20 where it is missing. */
  numbers(limit?: number): Promise<AccountNumber[]>
  /** The account. Standard API keys may not read it; the auth token may. */
  account(): Promise<TwilioAccount>
  /** One number by its SID. */
  number(sid: string): Promise<AccountNumber>
  /** Leads calls to the number to these addresses, by POST, in place of an application. */
  pointNumber(sid: string, to: { voiceUrl: string; statusCallback: string }): Promise<AccountNumber>
}

/** The request that caused an event of a call. */
const RequestOfCall = z.object({ url: z.string() })

/** The account itself. (Twilio: "Account resource".) */
export type TwilioAccount = {
  friendlyName: string
  /** `active`, `suspended` or `closed`. */
  status: string
  /** `Trial` or `Full`. */
  type: string
}

export type TwilioRestOptions = {
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
  fetch?: Fetch
  sleep?: (ms: number) => Promise<void>
  random?: () => number
}

const STATUS_EVENTS = ["initiated", "ringing", "answered", "completed"]
/** "Call is not in-progress." (Twilio: "Error 21220".) */
const CALL_IS_OVER = 21_220

/** Lets `work` use the SDK's client. What it throws becomes a `TwilioRestError`; `task` completes "Twilio refused to …". */
export type Ask = <T>(task: string, work: (client: Client) => Promise<T>) => Promise<T>

/** The way to the SDK, which is loaded by the first request. */
export function createAsk(options: TwilioRestOptions): Ask {
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

export function createTwilioRest(options: TwilioRestOptions): TwilioRest {
  const ask = createAsk(options)

  return {
    placeCall: ({ to, from, url, statusCallback, timeLimitSeconds, timeoutSeconds, sendDigits }) =>
      ask("place the call", async (client) => {
        const call = await client.calls.create({
          to,
          from,
          url,
          method: "POST",
          statusCallback,
          statusCallbackEvent: STATUS_EVENTS,
          statusCallbackMethod: "POST",
          ...(timeLimitSeconds !== undefined && { timeLimit: timeLimitSeconds }),
          ...(timeoutSeconds !== undefined && { timeout: timeoutSeconds }),
          ...(sendDigits !== undefined && { sendDigits }),
        })
        const { sid, status } = remoteCall(call)
        return { sid, status }
      }),

    endCall: (sid) =>
      ask("end the call", async (client) => {
        await client.calls(sid).update({ status: "completed" })
      }).catch((error: unknown) => {
        if (!(error instanceof TwilioRestError && error.twilioCode === CALL_IS_OVER)) throw error
      }),

    updateCall: (sid, change) =>
      ask("change the call", async (client) => {
        await client.calls(sid).update("url" in change ? { url: change.url, method: "POST" } : change)
      }),

    fetchCall: (sid) => ask("read the call", async (client) => remoteCall(await client.calls(sid).fetch())),

    recentCalls: ({ to, from, startedAfter }) =>
      ask("list the calls", async (client) => {
        // Not filtered by Twilio's StartTime: a call that still waits to be dialled has none.
        const { instances: calls } = await client.calls.page({ to, from, pageSize: 50 })
        const earliest = Math.floor(startedAfter / 1000) * 1000
        return calls.filter((call) => (msOf(call.dateCreated) ?? earliest) >= earliest).map(remoteCall)
      }),

    requestedUrls: (sid) =>
      ask("list the requests of the call", async (client) => {
        const { instances: events } = await client.calls(sid).events.page({ pageSize: 50 })
        return events.flatMap(({ request }) => RequestOfCall.safeParse(request).data?.url ?? [])
      }),

    sendMessage: ({ to, from, body, statusCallback }) =>
      ask("send the message", async (client) => {
        const { sid, status } = await client.messages.create({
          to,
          from,
          body,
          ...(statusCallback !== undefined && { statusCallback }),
        })
        return { sid, status }
      }),

    numbers: (limit = 20) =>
      ask("list the numbers", async (client) => {
        const pageSize = Math.min(limit, 1000)
        const { instances } = await client.incomingPhoneNumbers.page({ pageSize })
        return instances.map(accountNumber)
      }),

    account: () =>
      ask("read the account", async (client) => {
        const { friendlyName, status, type } = await client.api.v2010.accounts(options.accountSid).fetch()
        return { friendlyName, status, type }
      }),

    number: (sid) =>
      ask("read the number", async (client) => accountNumber(await client.incomingPhoneNumbers(sid).fetch())),

    pointNumber: (sid, { voiceUrl, statusCallback }) =>
      ask("change the number", async (client) => {
        const changed = await client.incomingPhoneNumbers(sid).update({
          voiceUrl,
          voiceMethod: "POST",
          statusCallback,
          statusCallbackMethod: "POST",
          // It would win over the address.
          voiceApplicationSid: "",
        })
        return accountNumber(changed)
      }),
  }
}

type Client = Awaited<ReturnType<typeof loadClient>>

async function loadClient(options: TwilioRestOptions) {
  const { accountSid, authToken, apiKey, apiSecret, baseUrl, edge = "", region = "" } = options
  const { timeoutMs = 10_000, fetch = globalThis.fetch, sleep = Bun.sleep, random = Math.random } = options
  const [username, password] = apiKey && apiSecret ? [apiKey, apiSecret] : [accountSid, authToken]
  if (!accountSid.startsWith("AC") || !password) {
    const names =
      "TWILIO_ACCOUNT_SID (it begins with AC) and TWILIO_AUTH_TOKEN, or an API key with its secret"
    throw new AppError("NOT_CONFIGURED", `Twilio's REST API needs ${names}`)
  }
  const { default: sdk } = await import("twilio")
  const httpClient = createHttpClient({ baseUrl, timeoutMs, fetch, sleep, random })
  return new sdk.Twilio(username, password, {
    accountSid,
    // Texts, also empty ones, keep the SDK from reading the environment.
    edge,
    region,
    // The SDK calls nothing but `request` of its client, whose class would bring a second HTTP library to life.
    httpClient: httpClient as unknown as RequestClient,
  })
}

type RemoteFields = Pick<
  CallInstance,
  "sid" | "status" | "from" | "to" | "direction" | "startTime" | "endTime" | "duration"
>

function remoteCall(call: RemoteFields): RemoteCall {
  const seconds = Number.parseInt(call.duration, 10)
  return {
    sid: CallSid.parse(call.sid),
    // A word we do not know counts as the earliest status, which changes nothing that is known already.
    status: callStatusOf(call.status) ?? "queued",
    from: call.from,
    to: call.to,
    direction: directionOf(call.direction),
    startedAt: msOf(call.startTime),
    endedAt: msOf(call.endTime),
    durationSeconds: Number.isNaN(seconds) ? null : seconds,
  }
}

type NumberFields = Pick<
  IncomingPhoneNumberInstance,
  "sid" | "phoneNumber" | "friendlyName" | "voiceUrl" | "voiceApplicationSid" | "trunkSid"
>

/** Twilio answers null or an empty text for what is not set, whatever the SDK's types say. */
function accountNumber(number: NumberFields): AccountNumber {
  const { sid, phoneNumber, friendlyName, voiceUrl, voiceApplicationSid, trunkSid } = number
  return {
    sid,
    phoneNumber,
    friendlyName,
    voiceUrl: voiceUrl || null,
    voiceApplicationSid: voiceApplicationSid || null,
    trunkSid: trunkSid || null,
  }
}

/** The SDK gives a Date only where the answer had a readable time, whatever its types say. */
function msOf(time: unknown): number | null {
  if (!(time instanceof Date)) return null
  const ms = time.getTime()
  return Number.isNaN(ms) ? null : ms
}
