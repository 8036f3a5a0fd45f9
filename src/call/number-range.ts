/** What kind of number a number is: its country, and whether calls to it cost more than ordinary ones. */

import { numberingPlans } from "./phone-number.ts"

/** Kinds of numbers whose calls are charged above the ordinary rate. */
export type Surcharge =
  "premium-rate" | "shared-cost" | "universal access" | "pager" | "personal" | "international network"

export type NumberRange = {
  /** Without `+`; empty where no plan has the number. */
  callingCode: string
  /** Two letters; undefined where the plan does not say, as for numbers that are reserved for tests. */
  country: string | undefined
  surcharge: Surcharge | undefined
}

/**
 * Codes of networks and services that belong to no country: satellites, international networks, premium-rate numbers.
 * (ITU-T E.164: "List of assigned country codes", footnotes on 870, 878, 881, 882, 883, 888 and 979.)
 */
const NETWORK = /^\+(870|878|881|882|883|888|979)/

const SURCHARGES: Readonly<Record<string, Surcharge>> = {
  PREMIUM_RATE: "premium-rate",
  SHARED_COST: "shared-cost",
  UAN: "universal access",
  PAGER: "pager",
  PERSONAL_NUMBER: "personal",
}

/** Numbers that cost what ordinary ones cost, whatever their kind is called. */
const ORDINARY = [
  // United Kingdom, 03: at most the rate of 01 and 02. (Ofcom: "National Telephone Numbering Plan".)
  "+443",
  // North America, 5XX: personal numbers at ordinary rates, among them Twilio's test numbers. (NANPA: "5XX codes".)
  "+15",
]

/** `number` in E.164 form. */
export async function numberRange(number: string): Promise<NumberRange> {
  const network = NETWORK.exec(number)?.[1]
  if (network !== undefined) {
    return { callingCode: network, country: undefined, surcharge: "international network" }
  }
  const plans = await numberingPlans()
  const parsed = plans.parsePhoneNumberFromString(number, { extract: false })
  const isOrdinary = ORDINARY.some((prefix) => number.startsWith(prefix))
  return {
    callingCode: parsed?.countryCallingCode ?? "",
    country: parsed?.country,
    surcharge: isOrdinary ? undefined : SURCHARGES[parsed?.getType() ?? ""],
  }
}

/** The range of a whole country; none for a country that does not exist. */
export async function countryRange(country: string): Promise<NumberRange[]> {
  const plans = await numberingPlans()
  if (!plans.isSupportedCountry(country)) return []
  return [{ callingCode: plans.getCountryCallingCode(country), country, surcharge: undefined }]
}

/**
 * Whether two numbers are in one country. Countries that share a code, as in North America, are distinguished where the plan
 * knows them. The United States and Canada count as one. (Twilio: "Voice dialing geographic permissions".)
 */
export function isSameCountry(a: NumberRange, b: NumberRange): boolean {
  if (a.country === undefined || b.country === undefined) {
    return a.callingCode !== "" && a.callingCode === b.callingCode
  }
  return regionOf(a.country) === regionOf(b.country)
}

function regionOf(country: string): string {
  return country === "CA" ? "US" : country
}
