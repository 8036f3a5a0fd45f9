/** Reads a number that a caller entered or calls from, and looks up its kind of line. */

import { countryOf, phoneNumber } from "../call/phone-number.ts"
import type { Call } from "../call/call.ts"
import { ownNumberOf, type ControlContext } from "../control/context.ts"
import { countLookup } from "../control/quotas.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import type { MenuInput, MenuResult } from "./scene.ts"

type Question = Extract<MenuResult, { kind: "check-number" }>
type Checked = Extract<MenuInput, { kind: "checked" }>

/**
 * Longest wait until a look-up is counted, in milliseconds. Each costs, and whoever calls or enters a number causes one; but
 * a database that is locked stops no caller.
 */
const COUNT_MS = 200

/** Rejects never: a lookup that fails or takes too long is an answer too. */
export async function checkNumber(
  context: ControlContext,
  call: Call,
  { given, lookUp, country }: Question,
): Promise<Checked> {
  const number = await readNumber(given, await countriesFor(context, call, country))
  if (number === undefined) return { kind: "checked", number, line: "unknown" }
  if (!lookUp || !context.twilio) return { kind: "checked", number, line: "not-checked" }
  const { twilio, config, sweep, log } = context
  const done = new AbortController()
  try {
    const late = sweep.sleep(config.times.lookupMs, done.signal).then(() => {
      throw new AppError("UPSTREAM_FAILED", "Twilio did not answer in time.")
    })
    // After the answer the timeout is of no interest.
    late.catch(() => {})
    const isAllowed = await Promise.race([
      countLookup(context).catch(() => true),
      sweep.sleep(COUNT_MS, done.signal).then(() => true),
    ])
    if (!isAllowed) throw new AppError("RATE_LIMITED", "LOOKUPS_PER_HOUR is reached.")
    const line = await Promise.race([twilio.lineType(number), late])
    return line === undefined
      ? { kind: "checked", number: undefined, line: "unknown" }
      : { kind: "checked", number, line }
  } catch (error) {
    log.warn("number lookup failed", { callSid: call.sid, error: messageOf(error) })
    return { kind: "checked", number, line: "failed" }
  } finally {
    done.abort()
  }
}

/** In national form a number is first one of the menu's country, then of the server's, of ours, of the caller's. */
async function countriesFor(
  { config }: ControlContext,
  call: Call,
  country: string | undefined,
): Promise<string | undefined> {
  if (country !== undefined) return country
  return config.defaultCountry ?? (await countryOf(ownNumberOf(call))) ?? (await countryOf(call.from))
}

/** In E.164 form. Callers also key in a country code without a prefix. */
async function readNumber(given: string, defaultCountry: string | undefined): Promise<string | undefined> {
  const asGiven = await phoneNumber(given, { field: "number", defaultCountry }).catch(notANumber)
  if (asGiven !== undefined || given.startsWith("+")) return asGiven
  return phoneNumber(`+${given}`, { field: "number", defaultCountry }).catch(notANumber)
}

function notANumber(error: unknown): undefined {
  if (!(error instanceof AppError)) throw error
}
