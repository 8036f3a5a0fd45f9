/** The account's phone numbers: which agent answers them, and whether their webhook is this server. */

import { z } from "zod"
import type { Assets } from "../assets/agent.ts"
import { MENU_PREFIX } from "../assets/server-config.ts"
import type { AssetLibrary } from "../assets/library.ts"
import { AppError } from "../lib/errors.ts"
import type { AccountNumber } from "../twilio/rest-objects.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import { webhookUrl } from "../twilio/webhook-url.ts"

export type NumberContext = {
  /** Undefined without credentials. */
  twilio: TwilioRest | undefined
  /** `PUBLIC_URL`. */
  publicUrl: string | undefined
  assets: Assets
  library: AssetLibrary
}

/** Twilio's SID of a phone number. (Twilio: "SID prefixes".) */
export const NumberSid = z
  .string()
  .regex(/^PN[0-9a-zA-Z]{32}$/, "must be PN followed by 32 letters or digits")
  .brand<"NumberSid">()
export type NumberSid = z.infer<typeof NumberSid>

export type AnsweredNumber = AccountNumber & {
  /** Key of the agent that answers its calls on this server. */
  agent: string
  /** Key of the menu that they begin with; null: with the agent. */
  menu: string | null
  /** Whether its voice webhook is this server; false where that is unknown. */
  pointsHere: boolean
}

/** The account's numbers, at most `limit`. Throws NOT_CONFIGURED without an account, and the failure of Twilio. */
export async function listNumbers(context: NumberContext, limit: number): Promise<AnsweredNumber[]> {
  const numbers = await requireTwilio(context).numbers(limit)
  await context.assets.refresh()
  return numbers.map((number) => answered(context, number))
}

export type AssignNumber = {
  sid: string
  /** Key of an agent, or `menu:` and the key of a menu. Undefined: what answers stays. */
  agent?: string | undefined
  /** Whether to set the voice webhook of the number to this server. */
  pointHere: boolean
}

/**
 * Assigns an agent to a number, then points the number here: in this order no call reaches the wrong agent.
 * Throws NOT_CONFIGURED, INVALID_REQUEST for an unknown agent, NOT_FOUND for an unknown number,
 * CONFLICT for one that belongs to a SIP trunk, UPSTREAM_FAILED.
 */
export async function assignNumber(context: NumberContext, request: AssignNumber): Promise<AnsweredNumber> {
  const { assets, library, publicUrl } = context
  const { sid, agent, pointHere } = request
  const twilio = requireTwilio(context)
  if (pointHere && !publicUrl) {
    throw new AppError(
      "NOT_CONFIGURED",
      "Set PUBLIC_URL to the address under which Twilio reaches this server.",
    )
  }
  await assets.refresh()
  if (agent !== undefined) requireKnown(assets, agent)
  const number = await twilio.number(sid)
  if (pointHere && number.trunkSid !== null) {
    throw new AppError(
      "CONFLICT",
      `${number.phoneNumber} belongs to a SIP trunk, which receives its calls. Remove it from the trunk first.`,
    )
  }
  if (agent !== undefined) await library.patchConfig({ numbers: { [number.phoneNumber]: agent } })
  const pointed = pointHere && publicUrl ? await twilio.pointNumber(sid, pathsOf(publicUrl)) : number
  return answered(context, pointed)
}

/** The key of an agent, or `menu:` and the key of a menu. Throws INVALID_REQUEST for an unknown one. */
function requireKnown(assets: Assets, answeredBy: string): void {
  const isMenu = answeredBy.startsWith(MENU_PREFIX)
  const key = isMenu ? answeredBy.slice(MENU_PREFIX.length) : answeredBy
  const known = isMenu ? assets.menuKeys() : assets.keys().agents
  if (known.includes(key)) return
  const what = isMenu ? "menu" : "agent"
  throw new AppError("INVALID_REQUEST", `There is no ${what} ${key}; there are ${known.join(", ")}.`)
}

function answered({ assets, publicUrl }: NumberContext, number: AccountNumber): AnsweredNumber {
  const { voiceUrl, voiceApplicationSid, trunkSid, phoneNumber } = number
  // An application and a trunk override the number's own address.
  const isOwn = voiceApplicationSid === null && trunkSid === null
  const pointsHere = isOwn && publicUrl !== undefined && isBelow(publicUrl, voiceUrl)
  const menu = assets.menuFor({ number: phoneNumber }) ?? null
  return { ...number, agent: assets.agentFor({ number: phoneNumber }).key, menu, pointsHere }
}

function isBelow(publicUrl: string, voiceUrl: string | null): boolean {
  if (voiceUrl === null || !URL.canParse(voiceUrl)) return false
  const { origin, pathname } = new URL(voiceUrl)
  return `${origin}${pathname}/`.startsWith(`${publicUrl}/`)
}

function pathsOf(publicUrl: string) {
  return {
    voiceUrl: webhookUrl(publicUrl, "/twilio/voice"),
    statusCallback: webhookUrl(publicUrl, "/twilio/status"),
  }
}

function requireTwilio({ twilio }: NumberContext): TwilioRest {
  if (twilio) return twilio
  throw new AppError(
    "NOT_CONFIGURED",
    "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to reach the account's numbers.",
  )
}
