/** Phone numbers as people and programs give them, in E.164 shape. */

import { AppError } from "../lib/errors.ts"

/** `+` and up to 15 digits (ITU-T E.164). Whether the number exists is for Twilio to say. */
const E164 = /^\+[1-9]\d{1,14}$/

export type PhoneNumberOptions = {
  /** Name of the field, for the error. */
  field: string
  /** Two letters, such as `DE`; then numbers in national form are taken too. */
  defaultCountry: string | undefined
}

/** Throws INVALID_REQUEST for what is no number. */
export async function phoneNumber(
  given: string,
  { field, defaultCountry }: PhoneNumberOptions,
): Promise<string> {
  const compact = given.replace(/[\s().-]/g, "")
  if (E164.test(compact)) return compact
  if (defaultCountry) {
    // Loaded on first use: most numbers come in E.164 shape.
    const { parsePhoneNumberFromString, isSupportedCountry } = await import("libphonenumber-js/min")
    const country = defaultCountry.toUpperCase()
    const parsed = isSupportedCountry(country) ? parsePhoneNumberFromString(given, country) : undefined
    if (parsed?.isPossible() && E164.test(parsed.number)) return parsed.number
  }
  const hint = defaultCountry ? "" : " For numbers in national form set DEFAULT_COUNTRY."
  throw new AppError(
    "INVALID_REQUEST",
    `${field} must be a phone number in E.164 form, such as +15550100001.${hint}`,
    {
      details: [{ field, message: "is not in E.164 form" }],
    },
  )
}
