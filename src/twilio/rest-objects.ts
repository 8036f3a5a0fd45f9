/** Objects of Twilio's REST API in the words of this program. */

import type { CallInstance } from "twilio/lib/rest/api/v2010/account/call"
import type { IncomingPhoneNumberInstance } from "twilio/lib/rest/api/v2010/account/incomingPhoneNumber"
import type { Direction } from "../call/call.ts"
import { CallSid } from "../call/ids.ts"
import type { CallStatus } from "../call/status.ts"
import { callStatusOf, directionOf } from "./words.ts"

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
  /** What Twilio charges for the connection alone; null until the call has been rated, which may take minutes or longer. */
  price: TwilioPrice | null
}

/** `currency`: ISO 4217, such as `USD`. */
export type TwilioPrice = { amount: number; currency: string }

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

type RemoteFields = Pick<
  CallInstance,
  | "sid"
  | "status"
  | "from"
  | "to"
  | "direction"
  | "startTime"
  | "endTime"
  | "duration"
  | "price"
  | "priceUnit"
>

export function remoteCall(call: RemoteFields): RemoteCall {
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
    price: priceOf(call),
  }
}

/** Twilio writes what it charges as a negative number in a text. (Twilio: "Call resource", `price`.) */
function priceOf({ price, priceUnit }: Pick<RemoteFields, "price" | "priceUnit">): TwilioPrice | null {
  const amount = Number.parseFloat(price)
  return Number.isNaN(amount)
    ? null
    : { amount: Math.abs(amount), currency: (priceUnit || "USD").toUpperCase() }
}

type NumberFields = Pick<
  IncomingPhoneNumberInstance,
  "sid" | "phoneNumber" | "friendlyName" | "voiceUrl" | "voiceApplicationSid" | "trunkSid"
>

/** Twilio answers null or an empty text for what is not set, whatever the SDK's types say. */
export function accountNumber(number: NumberFields): AccountNumber {
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
export function msOf(time: unknown): number | null {
  if (!(time instanceof Date)) return null
  const ms = time.getTime()
  return Number.isNaN(ms) ? null : ms
}
