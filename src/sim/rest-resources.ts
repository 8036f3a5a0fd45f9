/** JSON of Twilio's core API as the simulator answers it. Source: Twilio "Call resource", "IncomingPhoneNumber resource". */

import type { CallRecord } from "./simulated-twilio.ts"

export type SimulatedNumber = {
  sid: string
  phoneNumber: string
  friendlyName: string
  voiceUrl: string
  voiceMethod: string
  statusCallback: string
  smsUrl: string
  voiceApplicationSid: string
}

export function callResource(accountSid: string, record: CallRecord): Record<string, unknown> {
  const { callSid, from, to, status, direction, startedAt, answeredAt, endedAt, seconds } = record
  const uri = `/2010-04-01/Accounts/${accountSid}/Calls/${callSid}`
  return {
    sid: callSid,
    parent_call_sid: null,
    account_sid: accountSid,
    to,
    to_formatted: to,
    from,
    from_formatted: from,
    phone_number_sid: null,
    // The resource has no `initiated`.
    status: status === "initiated" ? "queued" : status,
    start_time: rfc2822(answeredAt),
    end_time: rfc2822(endedAt),
    duration: endedAt === undefined ? null : String(seconds),
    price: null,
    price_unit: "USD",
    direction: direction === "inbound" ? "inbound" : "outbound-api",
    answered_by: null,
    api_version: "2010-04-01",
    forwarded_from: null,
    group_sid: null,
    caller_name: null,
    queue_time: "0",
    trunk_sid: null,
    date_created: rfc2822(startedAt),
    date_updated: rfc2822(endedAt ?? answeredAt ?? startedAt),
    uri: `${uri}.json`,
    subresource_uris: { recordings: `${uri}/Recordings.json` },
  }
}

export function numberResource(accountSid: string, number: SimulatedNumber): Record<string, unknown> {
  return {
    sid: number.sid,
    account_sid: accountSid,
    phone_number: number.phoneNumber,
    friendly_name: number.friendlyName,
    capabilities: { voice: true, sms: true, mms: false, fax: false },
    voice_url: number.voiceUrl,
    voice_method: number.voiceMethod,
    voice_fallback_url: null,
    voice_fallback_method: "POST",
    status_callback: number.statusCallback,
    status_callback_method: "POST",
    voice_application_sid: number.voiceApplicationSid,
    trunk_sid: null,
    sms_url: number.smsUrl,
    sms_method: "POST",
    origin: "twilio",
    status: "in-use",
    beta: false,
    api_version: "2010-04-01",
    date_created: null,
    date_updated: null,
    uri: `/2010-04-01/Accounts/${accountSid}/IncomingPhoneNumbers/${number.sid}.json`,
  }
}

export type SentMessage = { sid: string; from: string; to: string; body: string; at: number }

export function messageResource(accountSid: string, message: SentMessage): Record<string, unknown> {
  return {
    sid: message.sid,
    account_sid: accountSid,
    from: message.from,
    to: message.to,
    body: message.body,
    status: "queued",
    direction: "outbound-api",
    num_segments: "1",
    num_media: "0",
    messaging_service_sid: null,
    api_version: "2010-04-01",
    price: null,
    price_unit: "USD",
    error_code: null,
    error_message: null,
    date_created: rfc2822(message.at),
    date_sent: null,
    date_updated: rfc2822(message.at),
    uri: `/2010-04-01/Accounts/${accountSid}/Messages/${message.sid}.json`,
    subresource_uris: { media: `/2010-04-01/Accounts/${accountSid}/Messages/${message.sid}/Media.json` },
  }
}

/** A single page. `key` is the name of the list. */
export function listResource(path: string, key: string, items: unknown[]): Record<string, unknown> {
  return {
    [key]: items,
    page: 0,
    page_size: 50,
    start: 0,
    end: Math.max(0, items.length - 1),
    uri: path,
    first_page_uri: path,
    next_page_uri: null,
    previous_page_uri: null,
  }
}

export function errorResource(status: number, code: number, message: string): Record<string, unknown> {
  return { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status }
}

function rfc2822(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toUTCString().replace("GMT", "+0000")
}
