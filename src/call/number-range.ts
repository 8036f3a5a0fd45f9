/** What kind of number a number is: its country, and whether calls to it cost more than ordinary ones. */

import { numberingPlans } from "./phone-number.ts"

/** Kinds of numbers whose calls are charged above the ordinary rate. */
export type Surcharge =
  | "premium-rate"
  | "shared-cost"
  | "universal access"
  | "pager"
  | "personal"
  | "international network"
  /** No plan says what it is, and it looks like a service or a short code. */
  | "unknown"

export type NumberRange = {
  /** Without `+`; empty where no plan has the number. */
  callingCode: string
  /** Two letters; undefined where the plan does not say, as for numbers that are reserved for tests. */
  country: string | undefined
  surcharge: Surcharge | undefined
}

/**
 * Codes of networks and services that belong to no country: satellites, international networks, shared-cost and
 * premium-rate numbers. (ITU-T E.164: "List of assigned country codes", footnotes on 808, 870, 878, 881, 882, 883, 888
 * and 979.)
 */
const NETWORK = /^\+(808|870|878|881|882|883|888|979)/

/** North America, exchange 976 of any area: information services at a premium. (NANPA: "976 lines".) */
const EXCHANGE_976 = /^\+1\d{3}976/

/**
 * How national numbers of services begin where no plan knows the number: 0, 1 (1xx, 118…, 190…), 8xx, 9xx, 70x, N11. An
 * ordinary number that looks so is known to its plan.
 */
const SERVICE_SHAPE = /^(?:[0189]|70|[2-7]11)/
/** A number that is no longer than this, without the code of its country, is a short code. */
const SHORT_CODE_DIGITS = 6

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
  if (!parsed) return { callingCode: "", country: undefined, surcharge: "unknown" }
  const { countryCallingCode: callingCode, country, nationalNumber } = parsed
  return { callingCode, country, surcharge: surchargeOf(number, parsed.getType(), nationalNumber) }
}

function surchargeOf(number: string, type: string | undefined, national: string): Surcharge | undefined {
  if (EXCHANGE_976.test(number)) return "premium-rate"
  if (ORDINARY.some((prefix) => number.startsWith(prefix))) return undefined
  if (type !== undefined) return SURCHARGES[type]
  return national.length <= SHORT_CODE_DIGITS || SERVICE_SHAPE.test(national) ? "unknown" : undefined
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

/**
 * Whether a prefix on a list stands for the number: the number begins with it. `+1` alone, and `+1` with one or two digits,
 * stand for the United States and Canada; another country with that code is listed by its area code, as `+1876`.
 */
export function isCovered(prefix: string, number: string, { callingCode, country }: NumberRange): boolean {
  if (!number.startsWith(prefix)) return false
  const isElsewhere = callingCode === "1" && country !== undefined && regionOf(country) !== "US"
  return !isElsewhere || prefix.length >= NORTH_AMERICAN_AREA.length
}

/** What an area code is written as, with `+1`. */
const NORTH_AMERICAN_AREA = "+1xxx"

function regionOf(country: string): string {
  return country === "CA" ? "US" : country
}
