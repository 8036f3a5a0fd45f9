/**
 * Where calls and text messages may go. The only rule for that: calls, transfers, frames, agents' settings and messages
 * ask here. Destinations come from the configuration or from a request to the API, never from words in a conversation.
 */

import { countryRange, isSameCountry, numberRange, type NumberRange } from "../call/number-range.ts"
import type { TransferTarget } from "../call/transfer-target.ts"
import type { Config } from "../config/config.ts"
import { isE164 } from "../lib/e164.ts"
import { AppError } from "../lib/errors.ts"
import { isWithheld } from "../lib/withheld.ts"

export type DialContext = {
  config: Pick<
    Config,
    "allowedDestinations" | "allowedSipDomains" | "defaultCountry" | "transferTo" | "sms"
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

/** Why the call must not be transferred there; undefined when it may. */
export async function transferRefusal(
  context: DialContext,
  target: TransferTarget,
  own?: string,
): Promise<string | undefined> {
  switch (target.kind) {
    case "number":
      return dialRefusal(context, target.to, own)
    case "sip":
      return sipRefusal(context, target.to)
    // Both are names within the account; what their workers may dial is set there.
    case "queue":
    case "workflow":
      return undefined
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
  const isListed = sms.allowedDestinations.some((prefix) => to.startsWith(prefix))
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
  const listed = prefixes.filter((prefix) => number.startsWith(prefix))
  if (range.surcharge !== undefined) {
    if (listed.some((prefix) => isExplicit(prefix, range))) return undefined
    return `${what} to this number are not allowed, because its kind (${range.surcharge}) costs more. To allow it, list its range in ${setting}.`
  }
  if (prefixes.length > 0) {
    if (listed.length > 0 || prefixes.includes("*")) return undefined
    return `${what} to this destination are not allowed. Allowed: ${prefixes.join(", ")}. To allow it, change ${setting}.`
  }
  if (await isAtHome(context, range, own)) return undefined
  return `${what} to this country are not allowed, because no number of the account is there. To allow them, list its prefix in ${setting}.`
}

/** A whole country on the list does not stand for its premium-rate numbers; a range within it does. */
function isExplicit(prefix: string, { callingCode, surcharge }: NumberRange): boolean {
  const digits = prefix.length - 1
  return surcharge === "international network" ? digits >= callingCode.length : digits > callingCode.length
}

/** Whether the number is in a country of one of our numbers. Where none is known, every country is. */
async function isAtHome(
  { config, ownNumbers }: DialContext,
  range: NumberRange,
  own: string | undefined,
): Promise<boolean> {
  const homes = await rangesOf([own, config.twilio.fromNumber])
  if (config.defaultCountry !== undefined) homes.push(...(await countryRange(config.defaultCountry)))
  if (homes.some((home) => isSameCountry(home, range))) return true
  // Asked for only here: Twilio's answer takes a while.
  homes.push(...(await rangesOf(await ownNumbers())))
  return homes.length === 0 || homes.some((home) => isSameCountry(home, range))
}

/** Clients and SIP users are no numbers. */
function rangesOf(numbers: readonly (string | undefined)[]): Promise<NumberRange[]> {
  return Promise.all(numbers.flatMap((number) => (number && isE164(number) ? [numberRange(number)] : [])))
}

/** Parts of a SIP address that send the call elsewhere than to its host. (RFC 3261, sections 19.1.1 and 20.34.) */
const SIP_DETOUR = /[;?&](?:maddr|route)=/i
/** The host of a SIP address; what follows it (port, parameters, headers) is not part of it. (RFC 3261, section 19.1.) */
const SIP_HOST = /^sips?:[^@]+@([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[;?][^@]*)?$/

function sipRefusal({ config }: DialContext, address: string): string | undefined {
  const host = SIP_HOST.exec(address)?.[1]?.toLowerCase()
  if (host === undefined || SIP_DETOUR.test(address))
    return "The SIP address must be sip:name@host, without maddr and Route."
  const configured = SIP_HOST.exec(config.transferTo ?? "")?.[1]?.toLowerCase()
  const isAllowed = (domain: string) => host === domain || host.endsWith(`.${domain}`)
  if (host === configured || config.allowedSipDomains.some(isAllowed)) return undefined
  return `Calls to the SIP domain ${host} are not allowed. To allow it, list it in ALLOWED_SIP_DOMAINS.`
}
