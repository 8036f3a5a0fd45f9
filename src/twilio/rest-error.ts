/** A request to Twilio's REST API that failed, and what is known about whether it was carried out. */

import { z } from "zod"
import { AppError } from "../lib/errors.ts"

/**
 * `refused`: not carried out, and the same request will be refused again. `rate-limited`: not carried out, may succeed
 * later. `uncertain`: unknown whether it was carried out. (Twilio: "Error and warning dictionary"; "Error 20429".)
 */
export type TwilioFailure = "refused" | "rate-limited" | "uncertain"

export type TwilioRestErrorOptions = {
  kind: TwilioFailure
  /** Twilio's error code, null where its answer had none or there was no answer. */
  twilioCode?: number | null
  /** Null where there was no answer. */
  httpStatus?: number | null
  cause?: unknown
}

/** NOT_FOUND for what Twilio does not know, UPSTREAM_FAILED for the rest. */
export class TwilioRestError extends AppError {
  readonly kind: TwilioFailure
  readonly twilioCode: number | null
  readonly httpStatus: number | null

  constructor(
    message: string,
    { kind, twilioCode = null, httpStatus = null, cause }: TwilioRestErrorOptions,
  ) {
    const unknown = httpStatus === 404 || twilioCode === 20404
    super(unknown ? "NOT_FOUND" : "UPSTREAM_FAILED", message, { cause })
    this.name = "TwilioRestError"
    this.kind = kind
    this.twilioCode = twilioCode
    this.httpStatus = httpStatus
  }
}

/** The SDK's exceptions, of the old form and of RFC 9457. */
const SdkException = z.object({
  status: z.number().int(),
  code: z.number().int().nullish().catch(null),
  message: z.string().nullish().catch(null),
  detail: z.string().nullish().catch(null),
})

/** What a developer can do about it. (Twilio: "Error and warning dictionary".) */
const ADVICE: Record<number, string> = {
  10004: "The account's limit of concurrent calls is reached.",
  20003: "Check TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, or TWILIO_API_KEY with TWILIO_API_SECRET.",
  20404: "It does not exist, or belongs to another account or region.",
  20429: "Too many requests at once; try again later.",
  21210: "The sender must be a number of the account or a verified caller ID: check TWILIO_FROM_NUMBER.",
  21211: "Give the number in E.164 form, for example +15551234567.",
  21212: "Check TWILIO_FROM_NUMBER: a number of the account in E.164 form.",
  21215: "Allow the country in the Console under Voice, Settings, Geo permissions.",
  21219: "A trial account can call verified numbers only.",
  21408: "Allow the country in the Console under Messaging, Settings, Geo permissions.",
  21608: "A trial account can write to verified numbers only.",
  21610: "The recipient has opted out of messages from this number.",
  70051: "The API key is restricted and lacks this permission.",
}

/**
 * Anything that the SDK threw, as a TwilioRestError. `task` completes "Twilio refused to …"; a secret that an answer
 * quotes is removed from the message.
 */
export function toTwilioRestError(error: unknown, task: string, secrets: readonly string[]): TwilioRestError {
  if (error instanceof TwilioRestError) return error
  const exception = SdkException.safeParse(error).data
  if (!exception) {
    const message = `Twilio's answer when asked to ${task} cannot be read; whether it was carried out is unknown`
    return new TwilioRestError(message, { kind: "uncertain", cause: error })
  }
  const { status, code, message, detail } = exception
  const said = (detail ?? message ?? "").slice(0, 300).trim().replace(/\.$/, "")
  const number = code ? `error ${code}` : `HTTP ${status}`
  const known = { twilioCode: code ?? null, httpStatus: status }
  if (status >= 500) {
    const words = `Twilio failed to ${task} (${number}); whether it was carried out is unknown`
    return new TwilioRestError(words, { kind: "uncertain", ...known })
  }
  const words = [
    `Twilio refused to ${task}: ${said === "" ? number : `${said} (${number})`}.`,
    code ? ADVICE[code] : undefined,
    code ? `See https://www.twilio.com/docs/errors/${code}` : undefined,
  ]
  const text = words.filter((word) => word !== undefined).join(" ")
  const kind = status === 429 || code === 20429 ? "rate-limited" : "refused"
  return new TwilioRestError(without(secrets, text), { kind, ...known })
}

function without(secrets: readonly string[], text: string): string {
  return secrets.reduce((cleaned, secret) => (secret ? cleaned.replaceAll(secret, "***") : cleaned), text)
}
