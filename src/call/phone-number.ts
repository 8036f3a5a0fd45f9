/** Phone numbers as people and programs write them, understood by the numbering plan of their country. */

import type { CountryCode } from "libphonenumber-js/max"
import { isE164 } from "../lib/e164.ts"
import { AppError } from "../lib/errors.ts"
import { isWithheld } from "../lib/withheld.ts"

export type PhoneNumberOptions = {
  /** Name of the field, for the error. */
  field: string
  /** Two letters, such as `DE`; then numbers in national form are accepted too. */
  defaultCountry: string | undefined
}

export type DialledNumber = {
  /** In E.164 form. */
  number: string
  /** Digits to send once the call is answered. */
  extension: string | undefined
}

/** More cannot be sent after the answer. (Twilio: "Calls resource", SendDigits: 32 characters with pauses.) */
const MAX_EXTENSION = 20

/** The library with its data on every numbering plan, loaded on first use: 160 kB that many commands never need. */
export const numberingPlans = () => import("libphonenumber-js/max")

/** A number without an extension, in E.164 form. Throws INVALID_REQUEST for anything else. */
export async function phoneNumber(given: string, options: PhoneNumberOptions): Promise<string> {
  const { number, extension } = await dialledNumber(given, options)
  if (extension === undefined) return number
  throw invalid(options.field, "must be a number without an extension")
}

/**
 * A number and its extension. Understands `+`, the international and national prefixes of the default country, `(0)`
 * after a country code, invisible characters, Arabic and full-width digits, and `ext. 12`, `x12` or `;ext=12` at the
 * end. Throws INVALID_REQUEST for what is no number, for letters in place of digits, and for a withheld caller.
 */
export async function dialledNumber(
  given: string,
  { field, defaultCountry }: PhoneNumberOptions,
): Promise<DialledNumber> {
  const text = visible(given)
  if (text !== "" && isWithheld(text)) {
    throw invalid(field, "stands for a caller who withholds the number; it is not a phone number")
  }
  const plans = await numberingPlans()
  const country = defaultCountry?.toUpperCase()
  const known = country !== undefined && plans.isSupportedCountry(country) ? country : undefined
  const parsed = read(plans, text, known)
  if (parsed?.isPossible() && isE164(parsed.number)) {
    const { number, ext } = parsed
    if (ext !== undefined && ext.length > MAX_EXTENSION)
      throw invalid(field, "has an extension that is too long")
    return { number, extension: ext }
  }
  // A number of a plan that the library does not know is for Twilio to judge.
  const compact = text.replace(/[\s()./-]/g, "")
  if (isE164(compact) && !/\(0+\)/.test(text)) return { number: compact, extension: undefined }
  if (/\d/.test(text) && /\p{L}{2,}/u.test(text))
    throw invalid(field, "must be written in digits, without letters")
  const hint = defaultCountry ? "" : " For numbers in national form set DEFAULT_COUNTRY."
  throw invalid(field, "must be a phone number in E.164 form, such as +15550100001", hint)
}

/** Countries that a calling code of several stands for in the first place. */
const MAIN_COUNTRY: Readonly<Record<string, string>> = {
  1: "US",
  7: "RU",
  39: "IT",
  44: "GB",
  47: "NO",
  61: "AU",
  212: "MA",
  358: "FI",
}

/** Two letters; undefined for what is no number of a country. `number` in E.164 form. */
export async function countryOf(number: string): Promise<string | undefined> {
  const plans = await numberingPlans()
  const parsed = plans.parsePhoneNumberFromString(number, { extract: false })
  return parsed?.country ?? MAIN_COUNTRY[parsed?.countryCallingCode ?? ""]
}

/** The extension as touch tones: after the answer, the switchboard gets a second to listen. */
export function extensionDigits(extension: string): string {
  return `ww${extension}`
}

type Plans = Awaited<ReturnType<typeof numberingPlans>>

function read(plans: Plans, text: string, country: CountryCode | undefined) {
  const inCountry = plans.parsePhoneNumberFromString(text, {
    extract: false,
    ...(country === undefined ? {} : { defaultCountry: country }),
  })
  if (inCountry?.isPossible() || country === undefined || !text.startsWith("00")) return inCountry
  // 00 is understood everywhere, also where the country itself dials another prefix.
  return plans.parsePhoneNumberFromString(text.replace(/^00/, "+"), { extract: false })
}

/** Without invisible characters, among them those that turn the direction of text; look-alikes as what they stand for. */
function visible(given: string): string {
  return given
    .normalize("NFKC")
    .replace(/[\p{Cf}\p{Cc}]/gu, "")
    .trim()
    .replace(/^tel:/i, "")
}

function invalid(field: string, fault: string, hint = ""): AppError {
  const details = [{ field, message: fault }]
  return new AppError("INVALID_REQUEST", `${field} ${fault}.${hint}`, { details })
}
