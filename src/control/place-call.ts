/** Places a call: every check before the request to Twilio, one record, and never twice because an answer was lost. */

import { createHash } from "node:crypto"
import type { Parameters } from "../call/call.ts"
import type { Engine } from "../call/engine.ts"
import { newCallId } from "../call/ids.ts"
import { dialledNumber, phoneNumber } from "../call/phone-number.ts"
import { isDialable } from "../lib/e164.ts"
import { AppError } from "../lib/errors.ts"
import { isWithheld } from "../lib/withheld.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import { publish, type ControlContext } from "./context.ts"
import { configuredHear } from "../speech/choices.ts"
import { ivrMenuOf, navigatingEngine, type GivenIvrMenu } from "./ivr-menu.ts"
import { dial, dialLeaseMs, type DialRequest } from "./dial-call.ts"
import { requireMayDial } from "./may-dial.ts"
import type { PlacedCall } from "./placements.ts"
import { repeatPlacement } from "./repeat-placement.ts"
import { MINUTE_MS, rateLimited, startLimits } from "./start-limits.ts"
import { requireTwimlFits } from "./twiml-size.ts"

export type PlaceCall = {
  to: string
  /** One of the account's numbers; left out: `TWILIO_FROM_NUMBER`, or the first number of the account. */
  from?: string | undefined
  agent?: string | undefined
  /** In place of the agent's engine. */
  engine?: Engine | undefined
  parameters: Parameters
  prompt?: string | undefined
  firstMessage?: string | undefined
  /** The phone menu of the called party; left out: that of the number, if one is stored. */
  ivrMenu?: GivenIvrMenu
  /** Longest ringing, in seconds. */
  timeoutSeconds?: number | undefined
  /** The user that the call is recorded for; null for a key that is bound to no user. */
  userId: string | null
  /** Whether requests that are bound to no user share the limit of one user. Default: they do. */
  limitUnbound?: boolean
  /** The same key with the same request returns the same call. */
  idempotencyKey?: string | undefined
}

/**
 * Throws NOT_CONFIGURED without an account or public address, INVALID_REQUEST for a bad number or agent, FORBIDDEN for a
 * destination off the list, RATE_LIMITED, CONFLICT for a key used with another request, UPSTREAM_FAILED for Twilio.
 */
export async function placeCall(context: ControlContext, request: PlaceCall): Promise<PlacedCall> {
  const { config, placements, store } = context
  const twilio = requireTwilio(context)
  const { defaultCountry } = config
  const { number: to, extension } = await dialledNumber(request.to, { field: "to", defaultCountry })
  const dialled = extension === undefined ? to : `${to};ext=${extension}`
  const checked = { ...request, to, extension, requestHash: hashOf({ ...request, to: dialled }) }
  const { userId, idempotencyKey, requestHash } = checked
  if (idempotencyKey === undefined) return placeNew(context, twilio, checked)
  return placements.join({ userId, idempotencyKey, requestHash }, async function placeOrRepeat() {
    const earlier = await store.calls.findByIdempotencyKey(userId, idempotencyKey)
    return earlier
      ? repeatPlacement(context, { twilio, earlier, request: checked })
      : placeNew(context, twilio, checked)
  })
}

type CheckedRequest = PlaceCall & DialRequest & { requestHash: string }

async function placeNew(
  context: ControlContext,
  twilio: TwilioRest,
  request: CheckedRequest,
): Promise<PlacedCall> {
  const { config, store, assets } = context
  const { to, requestHash } = request
  if (context.draining())
    throw new AppError("UNAVAILABLE", "The server is shutting down.", { retryAfterSeconds: 5 })
  const from = await senderOf(context, twilio, request.from)
  await requireMayDial(context, to, from)
  await assets.refresh()
  const agent = assets.agentFor({
    agent: request.agent,
    number: from,
    contextKey: request.parameters["contextKey"],
    manifestKey: request.parameters["manifestKey"],
  })
  const ivrMenu = ivrMenuOf(assets, request.ivrMenu, to)
  const engine = ivrMenu
    ? navigatingEngine({
        asked: request.engine,
        ofAgent: agent.engine,
        hasSpeech: configuredHear(config).length > 0,
      })
    : (request.engine ?? agent.engine)
  requireTwimlFits(agent, { firstMessage: request.firstMessage ?? null, parameters: request.parameters })
  const now = store.steadyNow()
  const placement = await store.calls.place(
    {
      id: newCallId(),
      sid: null,
      direction: "outbound",
      status: "queued",
      from,
      to,
      agent: agent.key,
      engine,
      parameters: request.parameters,
      prompt: request.prompt ?? null,
      firstMessage: request.firstMessage ?? null,
      ivrMenu,
      ivrState: ivrMenu && "navigating",
      userId: request.userId,
      idempotencyKey: request.idempotencyKey ?? null,
      requestHash,
      createdAt: context.sweep.clock.now(),
      dialLeaseUntil: now + dialLeaseMs(context),
      countsAt: now,
    },
    { since: now - MINUTE_MS, limits: startLimits(context, request) },
  )
  switch (placement.outcome) {
    case "limited":
      throw rateLimited(placement, now)
    case "repeated":
      // A request of another process was faster.
      return repeatPlacement(context, { twilio, earlier: placement, request })
    case "created": {
      const { call } = placement
      publish(context, call, { type: "call.created", direction: "outbound", agent: agent.key })
      return { call: await dial(context, { twilio, call, request }), repeated: false }
    }
    default:
      return placement satisfies never
  }
}

function requireTwilio({ twilio, config }: ControlContext): TwilioRest {
  if (!twilio) {
    throw new AppError("NOT_CONFIGURED", "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to place calls.")
  }
  if (!config.publicUrl) {
    throw new AppError(
      "NOT_CONFIGURED",
      "Set PUBLIC_URL to the address under which Twilio reaches this server.",
    )
  }
  return twilio
}

async function senderOf(
  { config }: ControlContext,
  twilio: TwilioRest,
  given: string | undefined,
): Promise<string> {
  // Twilio knows which senders the account has.
  if (given !== undefined && isDialable(given) && !isWithheld(given)) return given
  if (given !== undefined) return phoneNumber(given, { field: "from", defaultCountry: config.defaultCountry })
  if (config.twilio.fromNumber) return config.twilio.fromNumber
  const [first] = await twilio.numbers(1)
  if (!first)
    throw new AppError("NOT_CONFIGURED", "The account has no number. Set TWILIO_FROM_NUMBER or buy one.")
  return first.phoneNumber
}

function hashOf(request: PlaceCall): string {
  const { to, from, agent, engine, parameters, prompt, firstMessage, timeoutSeconds, userId } = request
  const fields = Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const parts = [to, from, agent, fields, prompt, firstMessage, timeoutSeconds, userId]
  if (engine !== undefined) parts.push(engine)
  if (request.ivrMenu !== undefined) parts.push(JSON.stringify({ ivrMenu: request.ivrMenu }))
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex")
}
