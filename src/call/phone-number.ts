/** Phone numbers as people and programs give them, in E.164 shape. */

import { isE164 } from "../lib/e164.ts"
import { AppError } from "../lib/errors.ts"

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
  if (isE164(compact)) return compact
  if (defaultCountry) {
    // Loaded on first use: most numbers come in E.164 shape.
    const { parsePhoneNumberFromString, isSupportedCountry } = await import("libphonenumber-js/min")
    const country = defaultCountry.toUpperCase()
    const parsed = isSupportedCountry(country) ? parsePhoneNumberFromString(given, country) : undefined
    if (parsed?.isPossible() && isE164(parsed.number)) return parsed.number
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
