/** Places a call: checks before money is spent, one record, and never twice because an answer was lost. */

import { createHash } from "node:crypto"
import type { Call, Parameters } from "../call/call.ts"
import { newCallId } from "../call/ids.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import { TwilioRestError } from "../twilio/rest-error.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import { publish, type ControlContext } from "./context.ts"
import { phoneNumber } from "./phone-number.ts"
import { endCallRecord, reportStatus } from "./report-status.ts"

const MINUTE_MS = 60_000

export type PlaceCall = {
  to: string
  /** One of the account's numbers; left out: `TWILIO_FROM_NUMBER`, or the first number of the account. */
  from?: string | undefined
  agent?: string | undefined
  parameters: Parameters
  prompt?: string | undefined
  firstMessage?: string | undefined
  /** Longest ringing, in seconds. */
  timeoutSeconds?: number | undefined
  /** Who pays for it; null for a key that is bound to nobody. */
  userId: string | null
  /** The same key with the same request gives the same call. */
  idempotencyKey?: string | undefined
}

/** `repeated`: the call had been placed by an earlier request with the same key. */
export type PlacedCall = { call: Call; repeated: boolean }

/**
 * Throws NOT_CONFIGURED without an account or public address, INVALID_REQUEST for a bad number or agent, FORBIDDEN for a
 * destination off the list, RATE_LIMITED, CONFLICT for a key used with another request, UPSTREAM_FAILED for Twilio.
 */
export async function placeCall(context: ControlContext, request: PlaceCall): Promise<PlacedCall> {
  const { config, store, assets } = context
  const twilio = requireTwilio(context)
  const to = await phoneNumber(request.to, { field: "to", defaultCountry: config.defaultCountry })
  const requestHash = hashOf({ ...request, to })
  if (request.idempotencyKey !== undefined) {
    const earlier = store.calls.findByIdempotencyKey(request.userId, request.idempotencyKey)
    if (earlier) return repeat(context, twilio, earlier, requestHash)
  }
  const { allowedDestinations } = config
  if (allowedDestinations.length > 0 && !allowedDestinations.some((prefix) => to.startsWith(prefix))) {
    throw new AppError(
      "FORBIDDEN",
      `Calls to this destination are not allowed. Allowed: ${allowedDestinations.join(", ")}.`,
    )
  }
  if (context.draining())
    throw new AppError("UNAVAILABLE", "The server is shutting down.", { retryAfterSeconds: 5 })
  const agent = assets.agentFor({
    agent: request.agent,
    number: request.from,
    contextKey: request.parameters["contextKey"],
    manifestKey: request.parameters["manifestKey"],
  })
  const from = await senderOf(context, twilio, request.from)
  limitStarts(context, request.userId)
  const call = store.calls.create({
    id: newCallId(),
    sid: null,
    direction: "outbound",
    status: "queued",
    from,
    to,
    agent: agent.key,
    engine: agent.engine,
    parameters: request.parameters,
    prompt: request.prompt ?? null,
    firstMessage: request.firstMessage ?? null,
    userId: request.userId,
    idempotencyKey: request.idempotencyKey ?? null,
    requestHash,
    createdAt: context.sweep.clock.now(),
  })
  publish(context, call, { type: "call.created", direction: "outbound", agent: agent.key })
  return { call: await dial(context, twilio, call, request.timeoutSeconds), repeated: false }
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
  if (given !== undefined) return phoneNumber(given, { field: "from", defaultCountry: config.defaultCountry })
  if (config.twilio.fromNumber) return config.twilio.fromNumber
  const [first] = await twilio.numbers(1)
  if (!first)
    throw new AppError("NOT_CONFIGURED", "The account has no number. Set TWILIO_FROM_NUMBER or buy one.")
  return first.phoneNumber
}

/** Counted in the store, so that a restart forgets nothing. */
function limitStarts({ config, store, sweep }: ControlContext, userId: string | null): void {
  const now = sweep.clock.now()
  const since = now - MINUTE_MS
  const rules = [
    {
      ...store.calls.startsSince(since, userId),
      limit: config.limits.callStartsPerMinute,
      whose: "per user",
    },
    {
      ...store.calls.startsSince(since),
      limit: config.limits.serverCallStartsPerMinute,
      whose: "for the server",
    },
  ]
  for (const { count, oldestAt, limit, whose } of rules) {
    if (count < limit) continue
    const retryAfterSeconds = Math.max(1, Math.ceil(((oldestAt ?? now) + MINUTE_MS - now) / 1000))
    throw new AppError("RATE_LIMITED", `Rate limit exceeded: at most ${limit} calls per minute ${whose}`, {
      retryAfterSeconds,
    })
  }
}

async function dial(
  context: ControlContext,
  twilio: TwilioRest,
  call: Call,
  timeoutSeconds: number | undefined,
): Promise<Call> {
  const { store, config, log, sweep, publicUrl } = context
  const query = `?call=${call.id}`
  try {
    const placed = await twilio.placeCall({
      to: call.to,
      from: call.from,
      url: `${publicUrl()}/twilio/voice${query}`,
      statusCallback: `${publicUrl()}/twilio/status${query}`,
      timeLimitSeconds: Math.ceil(config.times.maxCallMs / 1000),
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    })
    return adopt(context, call, placed)
  } catch (error) {
    // Twilio may have told the SID through a webhook although its answer was lost.
    const known = store.calls.byId(call.id)
    if (known?.sid) return known
    if (error instanceof TwilioRestError && error.kind === "uncertain") {
      log.error("no answer to a call request; it may have been placed", {
        callId: call.id,
        error: messageOf(error),
      })
      throw new AppError(
        "UPSTREAM_FAILED",
        `Twilio did not answer; whether the call was placed is unknown. Look it up as ${call.id}, or repeat the request with the same Idempotency-Key: it will not be placed twice.`,
        { cause: error, details: { id: call.id } },
      )
    }
    endCallRecord(context, call, { by: "system", reason: messageOf(error) })
    reportStatus(context, call, { status: "failed", at: sweep.clock.now(), reason: messageOf(error) })
    throw error
  }
}

function adopt({ store, log }: ControlContext, call: Call, placed: { sid: NonNullable<Call["sid"]> }): Call {
  store.calls.attachSid(call.id, placed.sid)
  log.info("call placed", { callSid: placed.sid, agent: call.agent, pii: { to: call.to } })
  return store.calls.byId(call.id) ?? call
}

/** A request whose key was used before: its call, found again at Twilio if the answer had been lost. */
async function repeat(
  context: ControlContext,
  twilio: TwilioRest,
  { call: earlier, ...used }: { call: Call; requestHash: string | null },
  requestHash: string,
): Promise<PlacedCall> {
  if (used.requestHash !== requestHash) {
    throw new AppError("CONFLICT", "This Idempotency-Key was used with another request.")
  }
  if (earlier.sid !== null || earlier.status !== "queued") return { call: earlier, repeated: true }
  const startedAfter = earlier.createdAt
  const [match] = (await twilio.recentCalls({ to: earlier.to, from: earlier.from, startedAfter })).filter(
    ({ sid }) => !context.store.calls.bySid(sid),
  )
  if (match) return { call: adopt(context, earlier, match), repeated: true }
  return { call: await dial(context, twilio, earlier, undefined), repeated: true }
}

function hashOf(request: Omit<PlaceCall, "idempotencyKey">): string {
  const { to, from, agent, parameters, prompt, firstMessage, userId } = request
  const parts = [
    to,
    from,
    agent,
    Object.entries(parameters).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    prompt,
    firstMessage,
    userId,
  ]
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex")
}
