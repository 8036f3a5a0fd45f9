/**
 * Where calls and text messages may go. The only rule for that: calls, transfers, frames, agents' settings and messages
 * ask here. Destinations come from the configuration or from a request to the API, never from words in a conversation.
 */

import {
  countryRange,
  isCovered,
  isSameCountry,
  numberRange,
  type NumberRange,
  type Surcharge,
} from "../call/number-range.ts"
import { phoneNumber } from "../call/phone-number.ts"
import { numbersInSipUser, parseSipAddress } from "../call/sip-address.ts"
import type { TransferTarget } from "../call/transfer-target.ts"
import type { Config } from "../config/config.ts"
import { isE164 } from "../lib/e164.ts"
import { AppError } from "../lib/errors.ts"
import { isWithheld } from "../lib/withheld.ts"

export type DialContext = {
  config: Pick<
    Config,
    "allowedDestinations" | "allowedSipDomains" | "allowedQueues" | "defaultCountry" | "transferTo" | "sms"
  > & {
    twilio: Pick<Config["twilio"], "fromNumber">
  }
  /** Our numbers at Twilio. Never rejects: those that cannot be read are missing. */
  ownNumbers: () => Promise<readonly string[]>
}

/** A list of prefixes, and the setting that holds it. Empty: the countries of our own numbers. */
type Allowed = { prefixes: readonly string[]; setting: string; what: "Calls" | "Messages" }

/** Throws FORBIDDEN, with the setting to change. `own`: our number that the call comes from. */
export async function requireMayDial(context: DialContext, number: string, own?: string): Promise<void> {
  const refusal = await dialRefusal(context, number, own)
  if (refusal !== undefined) throw new AppError("FORBIDDEN", refusal)
}

/** Why the number must not be called; undefined when it may. */
export function dialRefusal(context: DialContext, number: string, own?: string): Promise<string | undefined> {
  const prefixes = context.config.allowedDestinations
  return refusalOf(context, number, own, { prefixes, setting: "ALLOWED_DESTINATIONS", what: "Calls" })
}

export type TransferCheck = {
  /** Our number on the call. */
  own?: string | undefined
  /** Who named the target: the settings of the agent or the server, or a request to the API. */
  namedBy: "settings" | "request"
}

/** Why the call must not be transferred there; undefined when it may. */
export async function transferRefusal(
  context: DialContext,
  target: TransferTarget,
  { own, namedBy }: TransferCheck,
): Promise<string | undefined> {
  switch (target.kind) {
    case "number":
      return dialRefusal(context, target.to, own)
    case "sip":
      return sipRefusal(context, target.to)
    // Both are names within the account; what their workers may dial is set there.
    case "queue":
    case "workflow": {
      const isListed = namedBy === "settings" || context.config.allowedQueues.includes(target.to)
      if (isListed || context.config.transferTo === `${target.kind}:${target.to}`) return undefined
      return `Transfers to this ${target.kind} are not allowed. To allow them, list its name in ALLOWED_QUEUES.`
    }
    default:
      return target.kind satisfies never
  }
}

export type TextMessage = {
  to: string
  /** The other party of the conversation. */
  peer: string
  own: string
}

/** Why no message may be sent there; undefined when it may. Others than the other party must be on a list of their own. */
export async function textRefusal(context: DialContext, { to, peer, own }: TextMessage) {
  const { sms, allowedDestinations } = context.config
  const range = await numberRange(to)
  const isListed = sms.allowedDestinations.some((prefix) => isCovered(prefix, to, range))
  if (!isListed && to !== peer) return "messages may go to the caller only"
  const allowed: Allowed = isListed
    ? { prefixes: sms.allowedDestinations, setting: "SMS_ALLOWED_DESTINATIONS", what: "Messages" }
    : { prefixes: allowedDestinations, setting: "ALLOWED_DESTINATIONS", what: "Messages" }
  return refusalOf(context, to, own, allowed)
}

async function refusalOf(
  context: DialContext,
  number: string,
  own: string | undefined,
  { prefixes, setting, what }: Allowed,
): Promise<string | undefined> {
  if (isWithheld(number)) return "A caller who withholds the number cannot be reached."
  const range = await numberRange(number)
  const listed = prefixes.filter((prefix) => isCovered(prefix, number, range))
  if (range.surcharge !== undefined) {
    if (listed.some((prefix) => isExplicit(prefix, range))) return undefined
    return `${what} to this number are not allowed, because ${costOf(range.surcharge)}. To allow it, list its range in ${setting}.`
  }
  if (prefixes.length > 0) {
    if (listed.length > 0 || prefixes.includes("*")) return undefined
    return `${what} to this destination are not allowed. Allowed: ${prefixes.join(", ")}. To allow it, change ${setting}.`
  }
  const distance = await distanceOf(context, range, own)
  switch (distance) {
    case "home":
      return undefined
    case "abroad":
      return `${what} to this country are not allowed, because no number of the account is there. To allow them, list its prefix in ${setting}.`
    case "unknown":
      return `${what}${NO_HOME}. Set ${setting}, DEFAULT_COUNTRY or TWILIO_FROM_NUMBER.`
    default:
      return distance satisfies never
  }
}

const NO_HOME = " are not allowed, because the country of the server's own numbers is not known"

/** Whether a refusal says no more than that no number of ours is known: that of a call may be, once there is one. */
export function isForLackOfHome(refusal: string): boolean {
  return refusal.includes(NO_HOME)
}

function costOf(surcharge: Surcharge): string {
  return surcharge === "unknown"
    ? "no numbering plan has it, and it looks like a service that costs more"
    : `its kind (${surcharge}) costs more`
}

/** A calling code has three digits at most; what is longer is a range. */
const LONGEST_CODE = 3

/** A whole country on the list does not stand for its premium-rate numbers; a range within it does. */
function isExplicit(prefix: string, { callingCode, surcharge }: NumberRange): boolean {
  const digits = prefix.length - 1
  if (callingCode === "") return digits >= LONGEST_CODE
  return surcharge === "international network" ? digits >= callingCode.length : digits > callingCode.length
}

/** Whether the number is in a country of one of our numbers. */
async function distanceOf(
  { config, ownNumbers }: DialContext,
  range: NumberRange,
  own: string | undefined,
): Promise<"home" | "abroad" | "unknown"> {
  const homes = await rangesOf([own, config.twilio.fromNumber])
  if (config.defaultCountry !== undefined) homes.push(...(await countryRange(config.defaultCountry)))
  if (homes.some((home) => isSameCountry(home, range))) return "home"
  // Asked for only here: Twilio's answer takes a while.
  homes.push(...(await rangesOf(await ownNumbers())))
  if (homes.length === 0) return "unknown"
  return homes.some((home) => isSameCountry(home, range)) ? "home" : "abroad"
}

/** Clients and SIP users are no numbers. */
function rangesOf(numbers: readonly (string | undefined)[]): Promise<NumberRange[]> {
  return Promise.all(numbers.flatMap((number) => (number && isE164(number) ? [numberRange(number)] : [])))
}

async function sipRefusal(context: DialContext, address: string): Promise<string | undefined> {
  const { config } = context
  const parsed = parseSipAddress(address)
  if ("fault" in parsed) return `The SIP address ${parsed.fault}.`
  const { user, host } = parsed
  const configured = parseSipAddress(config.transferTo ?? "")
  const isConfigured = !("fault" in configured) && host === configured.host
  const isAllowed = (domain: string) => host === domain || host.endsWith(`.${domain}`)
  if (!isConfigured && !config.allowedSipDomains.some(isAllowed)) {
    return `Calls to the SIP domain ${host} are not allowed. To allow it, list it in ALLOWED_SIP_DOMAINS.`
  }
  return sipUserRefusal(context, user)
}

/** A gateway dials a phone number that stands in place of a name: one that costs more must be listed here as well. */
async function sipUserRefusal({ config }: DialContext, user: string): Promise<string | undefined> {
  const { allowedDestinations, defaultCountry } = config
  for (const { number, isCertain } of numbersInSipUser(user)) {
    // Digits alone may be in national form, or no number at all.
    const national = isCertain
      ? undefined
      : await phoneNumber(user, { field: "to", defaultCountry }).catch(() => undefined)
    for (const candidate of new Set([number, national ?? number])) {
      const range = await numberRange(candidate)
      if (range.surcharge === undefined || (range.surcharge === "unknown" && !isCertain)) continue
      const isListed = allowedDestinations.some(
        (prefix) => isCovered(prefix, candidate, range) && isExplicit(prefix, range),
      )
      if (isListed) continue
      return `Calls to this SIP address are not allowed, because ${costOf(range.surcharge)}. To allow it, list the range of its number in ALLOWED_DESTINATIONS.`
    }
  }
  return undefined
}
