/** The request to Twilio that places a call, and the search for a call of which Twilio's answer was lost. */

import type { Call } from "../call/call.ts"
import { nonce, type CallId, type CallSid } from "../call/ids.ts"
import { extensionDigits } from "../call/phone-number.ts"
import type { CallStatus } from "../call/status.ts"
import { AppError, messageOf, type ErrorDetail } from "../lib/errors.ts"
import { TwilioRestError } from "../twilio/rest-error.ts"
import type { TwilioRest } from "../twilio/rest.ts"
import { webhookUrl } from "../twilio/webhook-url.ts"
import type { ControlContext } from "./context.ts"
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
/** Calls of unknown programs whose requests are looked at in one search. */
const MAX_CANDIDATES = 10
/** When a request is to be repeated whose call Twilio may confirm meanwhile, in seconds. */
const LOOK_AGAIN_SECONDS = 5

export type DialRequest = {
  /** Longest ringing, in seconds. */
  timeoutSeconds?: number | undefined
  /** Digits that are sent after the answer. */
  extension: string | undefined
}

/** How long a request to Twilio keeps others from asking for the same call, in milliseconds. */
export function dialLeaseMs({ config }: ControlContext): number {
  return config.times.twilioMs + UNCERTAIN_MS
}

/**
 * Asks Twilio to place a call that is recorded already. Throws UPSTREAM_FAILED when Twilio does not answer: then the call may
 * have been placed.
 */
export async function dial(
  context: ControlContext,
  { twilio, call, request }: { twilio: TwilioRest; call: Call; request: DialRequest },
): Promise<Call> {
  const { store, config, log, publicUrl } = context
  const { timeoutSeconds, extension } = request
  const query = () => `?call=${call.id}&n=${nonce()}`
  try {
    const placed = await twilio.placeCall({
      to: call.to,
      from: call.from,
      url: webhookUrl(publicUrl(), `/twilio/voice${query()}`),
      statusCallback: webhookUrl(publicUrl(), `/twilio/status${query()}`),
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

/**
 * The call at Twilio of which a webhook has reported the SID meanwhile, or for which Twilio has requested an address with
 * our id. Another program may call the same number from the same number at the same time.
 */
export async function findPlaced(
  context: ControlContext,
  twilio: TwilioRest,
  { id, to, from, createdAt }: Call,
): Promise<Call | undefined> {
  const { store } = context
  const recent = await twilio.recentCalls({ to, from, startedAfter: createdAt - CLOCK_LEEWAY_MS })
  const known = await store.calls.byId(id)
  if (known?.sid) return known
  let mayBePlaced = false
  const outbound = recent.filter(({ direction }) => direction === "outbound")
  for (const remote of outbound.slice(0, MAX_CANDIDATES)) {
    if (await store.calls.bySid(remote.sid)) continue
    const urls = await twilio.requestedUrls(remote.sid)
    // Twilio documents the events of a call, not that they list every request: a call without any may be this one.
    if (urls.length === 0) mayBePlaced ||= (remote.startedAt ?? createdAt) <= createdAt + dialLeaseMs(context)
    if (!urls.some((url) => URL.parse(url)?.searchParams.get("call") === id)) continue
    const attached = await store.calls.attachSid(id, remote.sid)
    if (attached?.id === id) return adopt(context, attached, remote)
  }
  if (mayBePlaced) throw stillUncertain(id)
  return undefined
}

function stillUncertain(id: CallId): AppError {
  return new AppError(
    "CONFLICT",
    "Twilio has a call between these numbers that may be this one, and has not confirmed it. Look it up at Twilio, or use another Idempotency-Key to place a further call.",
    { details: recordOf({ id }), retryAfterSeconds: LOOK_AGAIN_SECONDS },
  )
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

/** Names the record of the call to the client. */
export function recordOf({ id }: Pick<Call, "id">): ErrorDetail[] {
  return [{ field: "id", message: "is the record of the call", value: id }]
}
