/** What Twilio's REST API takes and refuses, by name and by value, and how it says so. */

import type { Form } from "../../src/twilio/form.ts"

/** Parameter names of Twilio's OpenAPI document of the core API, version 2010-04-01. */
export const PARAMETERS = {
  createCall: names(`To From Method FallbackUrl FallbackMethod StatusCallback StatusCallbackEvent
    StatusCallbackMethod SendDigits Timeout Record RecordingChannels RecordingStatusCallback
    RecordingStatusCallbackMethod SipAuthUsername SipAuthPassword MachineDetection MachineDetectionTimeout
    RecordingStatusCallbackEvent Trim CallerId MachineDetectionSpeechThreshold MachineDetectionSpeechEndThreshold
    MachineDetectionSilenceTimeout AsyncAmd AsyncAmdStatusCallback AsyncAmdStatusCallbackMethod Byoc CallReason
    CallToken RecordingTrack TimeLimit ClientNotificationUrl Url Twiml ApplicationSid`),
  updateCall: names(
    `Url Method Status FallbackUrl FallbackMethod StatusCallback StatusCallbackMethod Twiml TimeLimit`,
  ),
  listCalls:
    names(`To From ParentCallSid Status StartTime StartTime< StartTime> EndTime EndTime< EndTime> PageSize
    Page PageToken`),
  createMessage:
    names(`To StatusCallback ApplicationSid MaxPrice ProvideFeedback Attempt ValidityPeriod ForceDelivery
    ContentRetention AddressRetention SmartEncoded PersistentAction TrafficType ShortenUrls ScheduleType SendAt
    SendAsMms ContentVariables RiskCheck From FallbackFrom MessagingServiceSid Body MediaUrl ContentSid`),
  listNumbers: names(`Beta FriendlyName PhoneNumber Origin PageSize Page PageToken`),
  updateNumber:
    names(`AccountSid ApiVersion FriendlyName SmsApplicationSid SmsFallbackMethod SmsFallbackUrl SmsMethod
    SmsUrl StatusCallback StatusCallbackMethod VoiceApplicationSid VoiceCallerIdLookup VoiceFallbackMethod
    VoiceFallbackUrl VoiceMethod VoiceUrl EmergencyStatus EmergencyAddressSid TrunkSid VoiceReceiveMode IdentitySid
    AddressSid BundleSid`),
  none: names(""),
}

const METHOD = /^(GET|POST)$/
const ABSOLUTE_URL = /^https?:\/\/[^\s]+$/
const VALUES: Record<string, RegExp> = {
  Url: ABSOLUTE_URL,
  StatusCallback: ABSOLUTE_URL,
  VoiceUrl: ABSOLUTE_URL,
  Method: METHOD,
  StatusCallbackMethod: METHOD,
  VoiceMethod: METHOD,
  StatusCallbackEvent: /^(initiated|ringing|answered|completed)$/,
  Timeout: /^([1-9]\d?|[1-5]\d\d|600)$/,
  TimeLimit: /^\d+$/,
  PageSize: /^([1-9]\d{0,2}|1000)$/,
}

/** An error answer in Twilio's form. */
export class TwilioFault extends Error {
  readonly status: number
  readonly twilioCode: number

  constructor(status: number, twilioCode: number, message: string) {
    super(message)
    this.status = status
    this.twilioCode = twilioCode
  }

  response(): Response {
    const { status, twilioCode: code, message } = this
    const more_info = `https://www.twilio.com/docs/errors/${code}`
    return Response.json({ code, message, more_info, status }, { status })
  }
}

/** The fields, when Twilio would take them all. */
export function checked(fields: Form, allowed: ReadonlySet<string>): Form {
  for (const [name, value] of Object.entries(fields)) {
    if (!allowed.has(name)) throw new TwilioFault(400, 20001, `Unknown parameter ${name}`)
    const rule = VALUES[name]
    const wrong = [value].flat().find((item) => rule && !rule.test(item))
    if (wrong !== undefined) throw new TwilioFault(400, 20001, `Invalid ${name}: ${wrong}`)
  }
  return fields
}

export function required(form: Form, name: string): string {
  const value = form[name]
  if (typeof value !== "string" || value === "")
    throw new TwilioFault(400, 21201, `No '${name}' is specified`)
  return value
}

export function notFound(path: string): TwilioFault {
  return new TwilioFault(404, 20404, `The requested resource ${path} was not found`)
}

function names(list: string): ReadonlySet<string> {
  return new Set(list.split(/\s+/).filter(Boolean))
}
