/** Places a call: every check before the request to Twilio, one record, and never twice because an answer was lost. */

import { createHash } from "node:crypto"
import type { Call, Parameters } from "../call/call.ts"
import type { Engine } from "../call/engine.ts"
import { newCallId, type CallId, type CallSid } from "../call/ids.ts"
import { isTerminal, type CallStatus } from "../call/status.ts"
import { isDialable } from "../lib/e164.ts"
import { AppError, messageOf, type ErrorDetail } from "../lib/errors.ts"
import { TwilioRestError } from "../twilio/rest-error.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import { webhookUrl } from "../twilio/webhook-url.ts"
import { publish, type ControlContext } from "./context.ts"
import { RepeatedRefusal, requireSame, type PlacedCall } from "./placements.ts"
import { dialledNumber, extensionDigits, phoneNumber } from "../call/phone-number.ts"
import { isWithheld } from "../lib/withheld.ts"
import { requireMayDial } from "./may-dial.ts"
import { MINUTE_MS, rateLimited, startLimits } from "./start-limits.ts"
import { requireTwimlFits } from "./twiml-size.ts"
import { endCall, reportStatus } from "./report-status.ts"

/** How far Twilio's clock may be behind ours in the search for a call that may have been placed. */
const CLOCK_LEEWAY_MS = 5_000
/** Twilio hangs up this long after the longest length, so that our own farewell comes first; in milliseconds. */
const TIME_LIMIT_GRACE_MS = 30_000
/**
 * Whether a call without an answer of Twilio's was placed is unknown for this long, in milliseconds. By then Twilio has
 * requested one of the addresses that contain our id, or did not place the call.
 */
const UNCERTAIN_MS = 120_000
/** When a request is to be repeated that cannot be answered yet, in seconds. */
const REPEAT_AFTER_SECONDS = 5
/** Calls of unknown programs whose requests are looked at in one search. */
const MAX_CANDIDATES = 10

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
    return earlier ? repeat(context, twilio, earlier, checked) : placeNew(context, twilio, checked)
  })
}

type CheckedRequest = PlaceCall & { extension: string | undefined; requestHash: string }

async function placeNew(
  context: ControlContext,
  twilio: TwilioRest,
  request: CheckedRequest,
): Promise<PlacedCall> {
  const { store, assets } = context
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
  requireTwimlFits(agent, { firstMessage: request.firstMessage ?? null, parameters: request.parameters })
  const now = context.sweep.clock.now()
  const placement = await store.calls.place(
    {
      id: newCallId(),
      sid: null,
      direction: "outbound",
      status: "queued",
      from,
      to,
      agent: agent.key,
      engine: request.engine ?? agent.engine,
      parameters: request.parameters,
      prompt: request.prompt ?? null,
      firstMessage: request.firstMessage ?? null,
      userId: request.userId,
      idempotencyKey: request.idempotencyKey ?? null,
      requestHash,
      createdAt: now,
      dialLeaseUntil: now + dialLeaseMs(context),
    },
    { since: now - MINUTE_MS, limits: startLimits(context, request) },
  )
  switch (placement.outcome) {
    case "limited":
      throw rateLimited(placement, now)
    case "repeated":
      // A request of another process was faster.
      return repeat(context, twilio, placement, request)
    case "created": {
      const { call } = placement
      publish(context, call, { type: "call.created", direction: "outbound", agent: agent.key })
      return { call: await dial(context, twilio, call, request), repeated: false }
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

/** How long a request to Twilio keeps others from asking for the same call, in milliseconds. */
function dialLeaseMs({ config }: ControlContext): number {
  return config.times.twilioMs + UNCERTAIN_MS
}

async function dial(
  context: ControlContext,
  twilio: TwilioRest,
  call: Call,
  { timeoutSeconds, extension }: Pick<CheckedRequest, "timeoutSeconds" | "extension">,
): Promise<Call> {
  const { store, config, log, publicUrl } = context
  const query = `?call=${call.id}`
  try {
    const placed = await twilio.placeCall({
      to: call.to,
      from: call.from,
      url: webhookUrl(publicUrl(), `/twilio/voice${query}`),
      statusCallback: webhookUrl(publicUrl(), `/twilio/status${query}`),
      timeLimitSeconds: Math.ceil((config.times.maxCallMs + TIME_LIMIT_GRACE_MS) / 1000),
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      ...(extension === undefined ? {} : { sendDigits: extensionDigits(extension) }),
    })
    return await adopt(context, call, placed)
  } catch (error) {
    // A webhook may have reported the SID although the answer was lost.
    const known = await store.calls.byId(call.id)
    if (known?.sid) return known
    if (error instanceof TwilioRestError && error.kind === "uncertain") {
      log.error("Twilio did not answer a call request, the call may have been placed", {
        callId: call.id,
        error: messageOf(error),
      })
      throw new AppError(
        "UPSTREAM_FAILED",
        `Twilio did not answer; whether the call was placed is unknown. Look it up as ${call.id}, or repeat the request with the same Idempotency-Key: it will not be placed twice.`,
        { cause: error, details: recordOf(call) },
      )
    }
    await endCall(context, call, { status: "failed", by: "system", reason: messageOf(error) })
    throw error
  }
}

/** Records Twilio's answer: the SID, and the status. */
async function adopt(
  context: ControlContext,
  call: Call,
  placed: { sid: CallSid; status: CallStatus },
): Promise<Call> {
  const { store, log, sweep } = context
  const known = (await store.calls.attachSid(call.id, placed.sid)) ?? call
  log.info("call placed", { callSid: placed.sid, agent: call.agent, pii: { to: call.to } })
  await reportStatus(context, known, { status: placed.status, at: sweep.clock.now() })
  return (await store.calls.byId(known.id)) ?? known
}

/** A request whose key was used before: its call, looked up at Twilio where the answer was lost. */
async function repeat(
  context: ControlContext,
  twilio: TwilioRest,
  earlier: { call: Call; requestHash: string | null },
  request: CheckedRequest,
): Promise<PlacedCall> {
  const { store, sweep } = context
  requireSame(earlier.requestHash, request.requestHash)
  const { id } = earlier.call
  if (earlier.call.sid !== null) return { call: earlier.call, repeated: true }
  const now = sweep.clock.now()
  const call = await store.calls.leaseDial(id, { now, until: now + dialLeaseMs(context) })
  if (!call) return { call: await placedBefore(context, twilio, earlier.call), repeated: true }
  try {
    const found = await findPlaced(context, twilio, call)
    if (found) return { call: found, repeated: true }
  } catch (error) {
    await store.calls.releaseDial(id)
    throw error
  }
  return { call: await dial(context, twilio, call, request), repeated: false }
}

/** A call that another request is placing or has placed, or whose outcome is unknown yet. Throws the reason where it has no SID. */
async function placedBefore(context: ControlContext, twilio: TwilioRest, earlier: Call): Promise<Call> {
  const { store, log } = context
  const call = (await store.calls.byId(earlier.id)) ?? earlier
  if (call.sid || isTerminal(call.status)) return placedElsewhere(call, call.id)
  try {
    const found = await findPlaced(context, twilio, call)
    if (found) return found
  } catch (error) {
    log.warn("call lookup at Twilio failed", { callId: call.id, error: messageOf(error) })
  }
  return placedElsewhere(await store.calls.byId(call.id), call.id)
}

/**
 * The call at Twilio of which a webhook has reported the SID meanwhile, or for which Twilio has requested an address with
 * our id. Another program may call the same number from the same number at the same time.
 */
async function findPlaced(
  context: ControlContext,
  twilio: TwilioRest,
  { id, to, from, createdAt }: Call,
): Promise<Call | undefined> {
  const { store } = context
  const recent = await twilio.recentCalls({ to, from, startedAfter: createdAt - CLOCK_LEEWAY_MS })
  const known = await store.calls.byId(id)
  if (known?.sid) return known
  const outbound = recent.filter(({ direction }) => direction === "outbound")
  for (const remote of outbound.slice(0, MAX_CANDIDATES)) {
    if (await store.calls.bySid(remote.sid)) continue
    const urls = await twilio.requestedUrls(remote.sid)
    if (!urls.some((url) => URL.parse(url)?.searchParams.get("call") === id)) continue
    const attached = await store.calls.attachSid(id, remote.sid)
    if (attached?.id === id) return adopt(context, attached, remote)
  }
  return undefined
}

/** The call that another request is placing or has placed. Throws the reason where it has no SID. */
function placedElsewhere(call: Call | undefined, id: CallId): Call {
  if (call?.sid) return call
  const details = recordOf({ id })
  if (call && isTerminal(call.status)) {
    throw new RepeatedRefusal(call.endReason ?? "The call could not be placed.", { details })
  }
  const message =
    "Twilio has not yet answered the request with this Idempotency-Key. Repeat it in a moment: the call will not be placed twice."
  throw new AppError("CONFLICT", message, { details, retryAfterSeconds: REPEAT_AFTER_SECONDS })
}

function hashOf(request: PlaceCall): string {
  const { to, from, agent, engine, parameters, prompt, firstMessage, timeoutSeconds, userId } = request
  const fields = Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const parts = [to, from, agent, fields, prompt, firstMessage, timeoutSeconds, userId]
  if (engine !== undefined) parts.push(engine)
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex")
}

/** Tells the client under which id the call is kept. */
function recordOf({ id }: Pick<Call, "id">): ErrorDetail[] {
  return [{ field: "id", message: "is the record of the call", value: id }]
}
