/** `parley numbers`: lists the account's phone numbers with their agents, and routes a number to this server. */

import { twilioOf, twilioSyncOf } from "../providers.ts"
import { createAssets } from "../assets/assets.ts"
import { ENGINES } from "../call/engine.ts"
import type { Config } from "../config/config.ts"
import { assignNumber, listNumbers, type AnsweredNumber, type NumberContext } from "../control/numbers.ts"
import { phoneNumber } from "../call/phone-number.ts"
import { AppError } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { Sweep } from "../lib/sweep.ts"
import { openStore } from "../store/open-store.ts"
import { builtinTools } from "../tools/registry.ts"

/** Largest page of Twilio's API. */
const MAX_NUMBERS = 1000

type Print = (line: string) => void

/** Resolves to the exit code. Throws `AppError` and `AssetError`. */
export function numbers(config: Config, print: Print): Promise<number> {
  return withNumbers(config, async (context) => {
    const found = await listNumbers(context, MAX_NUMBERS)
    for (const number of found) print(lineOf(number))
    if (found.length === 0) print("The account has no number. Buy one in the Twilio Console.")
    return 0
  })
}

export type PointNumber = { number: string; agent?: string | undefined; print: Print }

/** Routes calls to the number to this server. Resolves to the exit code. Throws `AppError` and `AssetError`. */
export function pointNumber(config: Config, { number, agent, print }: PointNumber): Promise<number> {
  return withNumbers(config, async (context) => {
    const wanted = await phoneNumber(number, { field: "number", defaultCountry: config.defaultCountry })
    const found = await listNumbers(context, MAX_NUMBERS)
    const known = found.find((candidate) => candidate.phoneNumber === wanted)
    if (!known) {
      const all = found.map((candidate) => candidate.phoneNumber).join(", ")
      throw new AppError("NOT_FOUND", `${wanted} is not a number of the account; it has: ${all || "none"}.`)
    }
    print(lineOf(await assignNumber(context, { sid: known.sid, agent, pointHere: true })))
    return 0
  })
}

async function withNumbers(config: Config, work: (context: NumberContext) => Promise<number>) {
  using sweep = new Sweep()
  await using store = await openStore({ url: config.databaseUrl })
  using assets = await createAssets({
    dir: config.assetsDir,
    sweep,
    log: getLog("assets"),
    knownTools: [...builtinTools().keys()],
    engines: ENGINES,
    repository: store.assets,
    remote: twilioSyncOf(config),
  })
  const { publicUrl } = config
  return await work({ twilio: twilioOf(config), publicUrl, assets, library: assets.library })
}

function lineOf(number: AnsweredNumber): string {
  const { phoneNumber: digits, friendlyName } = number
  const name = friendlyName === digits ? "" : ` (${friendlyName})`
  return `${digits}${name}: ${answeredBy(number)}; ${whereTo(number)}`
}

/** Who answers calls to a number. */
export function answeredBy({ agent, menu }: AnsweredNumber): string {
  return menu === null ? `agent ${agent}` : `menu ${menu}, agent ${agent}`
}

/** Where calls to a number go. */
export function whereTo({ pointsHere, trunkSid, voiceApplicationSid, voiceUrl }: AnsweredNumber): string {
  if (pointsHere) return `points here, ${voiceUrl}`
  if (trunkSid !== null) return `belongs to the SIP trunk ${trunkSid}`
  if (voiceApplicationSid !== null) return `points to the application ${voiceApplicationSid}`
  return voiceUrl === null ? "points nowhere" : `points elsewhere, ${voiceUrl}`
}
