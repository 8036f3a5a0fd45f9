/** The call control of Starlis. It only translates names; see `docs/compatibility.md`. */

import { Hono } from "hono"
import { z } from "zod"
import type { Call } from "../../call/call.ts"
import type { CallStatus } from "../../call/status.ts"
import { hangUpByApi } from "../../control/hang-up.ts"
import { placeCall } from "../../control/place-call.ts"
import { AppError, toAppError } from "../../lib/errors.ts"
import { TwilioRestError } from "../../twilio/rest-error.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { errorHandler, invalidRequest } from "../errors.ts"
import { actingUser, requireAuth } from "../auth.ts"
import { answerInTime } from "../twilio/answer-in-time.ts"
import { webhookGuard } from "../twilio/guard.ts"
import { answerWith, bodyOf, callNamed, Needed, parametersOf, succeededBy } from "./shared.ts"

/** The error of each path when the cause is not public. */
const FAILURES: Readonly<Record<string, string>> = {
  "/outbound-call": "Failed to initiate call",
  "/end-call": "Failed to end call",
  "/call-status": "Failed to fetch call status",
}

const optional = (most: number) =>
  z
    .string()
    .max(most)
    .nullish()
    .transform((text) => text || undefined)

const OutboundCall = z.looseObject({
  user_id: Needed,
  number: Needed,
  prompt: optional(100_000),
  first_message: optional(4000),
})

const NamedCall = z.object({ callSid: Needed, user_id: Needed })

export function starlisAlias(context: ServerContext): Hono<Env> {
  const { control, log } = context
  const app = new Hono<Env>()
  const onError = errorHandler(log)
  const guard = requireAuth(context)

  app.onError(async (thrown, c) => {
    // `onError` logs the error and sets the headers of the response.
    await onError(thrown, c)
    const { code, http, publicMessage } = toAppError(thrown)
    if (code === "INVALID_REQUEST") return c.json({ error: publicMessage }, 400)
    const error = code === "INTERNAL" ? (FAILURES[c.req.path] ?? publicMessage) : publicMessage
    return c.json({ success: false, error }, http >= 500 || thrown instanceof TwilioRestError ? 500 : http)
  })

  app.post("/outbound-call", guard, async (c) => {
    succeededBy(c, "/v1/calls")
    const parsed = OutboundCall.safeParse(await bodyOf(c))
    if (!parsed.success) throw outboundFault(parsed.error)
    const { user_id, number, prompt, first_message, ...others } = parsed.data
    const { call } = await placeCall(control, {
      to: number,
      engine: "realtime",
      prompt,
      firstMessage: first_message,
      parameters: parametersOf(others),
      userId: actingUser(c.get("auth"), user_id),
      idempotencyKey: c.req.header("idempotency-key"),
    })
    return c.json({ success: true, message: "Call initiated", callSid: call.sid })
  })

  app.post("/end-call", guard, async (c) => {
    succeededBy(c, "/v1/calls/{sid}/end")
    await hangUpByApi(control, await userCall(context, c, await bodyOf(c)))
    return c.json({ success: true, message: "Call ended successfully" })
  })

  app.get("/call-status", guard, async (c) => {
    succeededBy(c, "/v1/calls/{sid}")
    const call = await userCall(context, c, c.req.query())
    return c.json({ success: true, callSid: call.sid, ...statusOf(call, control.sweep.clock.now()) })
  })

  app.use("/outbound-call-twiml", answerInTime(context))
  app.all("/outbound-call-twiml", webhookGuard(context, { kind: "voice", once: true }), (c) => {
    succeededBy(c, "/twilio/voice")
    const { user_id, prompt, first_message } = c.req.query()
    return answerWith(context, c, {
      engine: "realtime",
      address: { kind: "fixed-path", path: "/outbound-media-stream", engine: "realtime" },
      ...(user_id ? { userId: user_id } : {}),
      ...(prompt ? { prompt } : {}),
      ...(first_message ? { firstMessage: first_message } : {}),
    })
  })

  return app
}

function outboundFault(error: z.ZodError): AppError {
  const isMissing = error.issues.some(({ path }) => path[0] === "user_id" || path[0] === "number")
  if (!isMissing) return invalidRequest(error, "body")
  return new AppError("INVALID_REQUEST", "User ID and phone number are required")
}

/** The call that a request names. Rejects with FORBIDDEN unless it belongs to the named user. */
async function userCall(context: ServerContext, c: RequestContext, fields: unknown): Promise<Call> {
  const parsed = NamedCall.safeParse(fields)
  if (!parsed.success) throw new AppError("INVALID_REQUEST", "Call SID and User ID are required")
  const { callSid, user_id } = parsed.data
  const userId = actingUser(c.get("auth"), user_id)
  const call = await callNamed(context, c, callSid)
  // The call of another user is answered like one that does not exist.
  const isVisible = call && (call.userId === null || call.userId === userId)
  if (!isVisible) throw new AppError("NOT_FOUND", `No call found for call SID: ${callSid}`)
  return call
}

/** `duration` in whole seconds since the call was answered. */
function statusOf({ status, createdAt, answeredAt, endedAt, durationSeconds }: Call, now: number) {
  const talkedMs = answeredAt === null ? 0 : Math.max(0, (endedAt ?? now) - answeredAt)
  return {
    status: restStatus(status),
    startTime: new Date(answeredAt ?? createdAt).toISOString(),
    endTime: endedAt === null ? null : new Date(endedAt).toISOString(),
    duration: durationSeconds ?? Math.floor(talkedMs / 1000),
  }
}

/** `initiated` exists only in callbacks. (Twilio: "Call resource", call status values.) */
function restStatus(status: CallStatus): Exclude<CallStatus, "initiated"> {
  return status === "initiated" ? "queued" : status
}
