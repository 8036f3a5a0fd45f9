/** The API of Voice Backend. It only translates names; see `docs/compatibility.md`. */

import { Hono } from "hono"
import { z } from "zod"
import { hangUpByApi } from "../../control/hang-up.ts"
import { listNumbers } from "../../control/numbers.ts"
import { placeCall } from "../../control/place-call.ts"
import { plainText, plainTranscript } from "../../call/flat-transcript.ts"
import { AppError, toAppError } from "../../lib/errors.ts"
import { TwilioRestError } from "../../twilio/rest-error.ts"
import type { Env, ServerContext } from "../context.ts"
import { errorHandler, invalidRequest } from "../errors.ts"
import { numberContext } from "../v1/numbers.ts"
import { requireAuth } from "../auth.ts"
import { answerInTime } from "../twilio/answer-in-time.ts"
import { webhookGuard } from "../twilio/guard.ts"
import { answerWith, bodyOf, callNamed, Needed, parametersOf, succeededBy } from "./shared.ts"

/** The same number as in Voice Backend. */
const MAX_NUMBERS = 20

/** The error of each path, sent beside the cause. */
const FAILURES: Readonly<Record<string, string>> = {
  "/api/numbers": "Failed to fetch phone numbers",
  "/api/call": "Failed to initiate call",
  "/api/end-call": "Failed to end call",
  "/twiml": "Failed to generate TwiML",
}

const OutboundCall = z.looseObject({ number: Needed, fromNumber: Needed.or(z.literal("")).nullish() })
const NamedCall = z.object({ callSid: Needed })

export function voiceBackendAlias(context: ServerContext): Hono<Env> {
  const { control, log } = context
  const app = new Hono<Env>()
  const onError = errorHandler(log)
  const guard = requireAuth(context)

  app.onError(async (thrown, c) => {
    // `onError` logs the error and sets the headers of the response.
    await onError(thrown, c)
    const { http, publicMessage: details } = toAppError(thrown)
    const ofTwilio = thrown instanceof TwilioRestError
    if (http < 500 && !ofTwilio) return c.json({ error: details }, http)
    const failure = FAILURES[c.req.path] ?? "Failed to fetch transcript"
    const where = ofTwilio && c.req.path === "/api/call" ? " through Twilio" : ""
    return c.json({ error: `${failure}${where}`, details }, 500)
  })

  app.get("/api/numbers", guard, async (c) => {
    succeededBy(c, "/v1/numbers")
    const numbers = await listNumbers(numberContext(context), MAX_NUMBERS)
    return c.json(numbers.map(({ sid, phoneNumber, friendlyName }) => ({ sid, phoneNumber, friendlyName })))
  })

  app.post("/api/call", guard, async (c) => {
    succeededBy(c, "/v1/calls")
    const parsed = OutboundCall.safeParse(await bodyOf(c))
    if (!parsed.success) throw outboundFault(parsed.error)
    const { number, fromNumber, ...others } = parsed.data
    const { call } = await placeCall(control, {
      to: number,
      from: fromNumber || undefined,
      engine: "realtime",
      parameters: parametersOf(others),
      userId: c.get("auth").userId,
      idempotencyKey: c.req.header("idempotency-key"),
    })
    return c.json({ success: true, callSid: call.sid, message: `Call initiated to ${number}` })
  })

  app.post("/api/end-call", guard, async (c) => {
    succeededBy(c, "/v1/calls/{sid}/end")
    const parsed = NamedCall.safeParse(await bodyOf(c))
    if (!parsed.success) throw new AppError("INVALID_REQUEST", "Call SID is required")
    const { callSid } = parsed.data
    const call = await callNamed(context, c, callSid)
    if (!call) throw new AppError("NOT_FOUND", `No call found for call SID: ${callSid}`)
    await hangUpByApi(control, call)
    return c.json({ success: true, message: "Call ended successfully" })
  })

  app.get("/api/transcript/:callSid", guard, async (c) => {
    succeededBy(c, "/v1/calls/{sid}/transcript")
    const callSid = c.req.param("callSid")
    const call = await callNamed(context, c, callSid)
    const transcript = call && plainTranscript(call, await control.store.turns.of(call.id))
    if (!transcript) {
      throw new AppError("NOT_FOUND", `No transcript found for call SID: ${callSid.slice(0, 128)}`)
    }
    // Without an explicit status Hono leaves the content type to Bun, which drops it.
    return c.req.query("format") === "text" ? c.text(plainText(transcript), 200) : c.json(transcript)
  })

  app.use("/twiml", answerInTime(context))
  app.on(["GET", "POST"], "/twiml", webhookGuard(context, { kind: "voice", once: true }), (c) => {
    succeededBy(c, "/twilio/voice")
    return answerWith(context, c, {
      engine: "realtime",
      address: { kind: "fixed-path", path: "/call", engine: "realtime" },
    })
  })

  return app
}

function outboundFault(error: z.ZodError): AppError {
  const isMissing = error.issues.some(({ path }) => path[0] === "number")
  return isMissing
    ? new AppError("INVALID_REQUEST", "Phone number is required")
    : invalidRequest(error, "body")
}
