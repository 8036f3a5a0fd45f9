/** Twilio's REST API as this program uses it. */

import { z } from "zod"
import type { CallSid } from "../call/ids.ts"
import type { LineType } from "../call/line-type.ts"
import type { CallStatus } from "../call/status.ts"
import { TwilioRestError } from "./rest-error.ts"
import { lookUpLine } from "./lookup.ts"
import { accountNumber, msOf, remoteCall, type AccountNumber, type RemoteCall } from "./rest-objects.ts"
import { createAsk, type TwilioSdkOptions } from "./sdk.ts"

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
  /** Receives every change of status by POST. */
  statusCallback?: string | undefined
}

export type CreatedCall = { sid: CallSid; status: CallStatus }

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
  /** The kind of line of a number in E.164 form, charged per request; undefined for a number that no plan has. */
  lineType(number: string): Promise<LineType | undefined>
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

const STATUS_EVENTS = ["initiated", "ringing", "answered", "completed"]
/** "Call is not in-progress." (Twilio: "Error 21220".) */
const CALL_IS_OVER = 21_220

export function createTwilioRest(options: TwilioSdkOptions): TwilioRest {
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

    lineType: (number) => lookUpLine(options, number),

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
