/** The webhooks that Twilio calls. */

import { Hono } from "hono"
import { CallId } from "../call/ids.ts"
import { answerCall } from "../control/answer-call.ts"
import { connectEnded } from "../control/connect-ended.ts"
import { reportStatus } from "../control/report-status.ts"
import { parseConnectEndedWebhook, parseStatusWebhook, parseVoiceWebhook } from "../twilio/webhooks.ts"
import type { Env, RequestContext, ServerContext } from "./context.ts"
import { webhookGuard } from "./webhook-guard.ts"

/** TwiML as Twilio takes it. */
export function twiml(c: RequestContext, xml: string): Response {
  return c.body(xml, 200, { "Content-Type": "text/xml; charset=utf-8" })
}

export function twilioRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context

  app.post("/twilio/voice", webhookGuard(context, { kind: "voice", repeated: "same-answer" }), (c) => {
    const webhook = parseVoiceWebhook(c.get("form"))
    const search = new URL(c.req.url).search
    return twiml(
      c,
      answerCall(control, { webhook, callId: callIdOf(c), retryPath: `/twilio/voice${search}` }),
    )
  })

  app.post(
    "/twilio/connect-ended",
    webhookGuard(context, { kind: "connect-ended", repeated: "same-answer" }),
    (c) => twiml(c, connectEnded(control, parseConnectEndedWebhook(c.get("form")))),
  )

  app.post("/twilio/status", webhookGuard(context, { kind: "status", repeated: "ignored" }), (c) => {
    takeStatus(context, c)
    return c.body(null, 204)
  })

  return app
}

/** Takes a status callback into the call it belongs to. One for a call that is not ours changes nothing. */
export function takeStatus({ control, log }: ServerContext, c: RequestContext): void {
  const webhook = parseStatusWebhook(c.get("form"))
  const { store, sweep } = control
  const callId = callIdOf(c)
  const bySid = store.calls.bySid(webhook.callSid)
  const placed = bySid ? undefined : callId && store.calls.byId(callId)
  if (placed && placed.sid === null) store.calls.attachSid(placed.id, webhook.callSid)
  const call = bySid ?? (placed && store.calls.byId(placed.id))
  if (!call) {
    log.warn("status of an unknown call", { callSid: webhook.callSid, status: webhook.callStatus })
    return
  }
  const { sipResponseCode, callStatus } = webhook
  reportStatus(control, call, {
    status: callStatus,
    at: webhook.at ?? sweep.clock.now(),
    sequence: webhook.sequenceNumber ?? undefined,
    durationSeconds: webhook.durationSeconds ?? undefined,
    ...(callStatus === "failed" && sipResponseCode !== null
      ? { reason: `the call could not be connected (SIP ${sipResponseCode})` }
      : {}),
  })
}

/** Our own id of a call that this server placed; it travels in the query of its webhooks. */
function callIdOf(c: RequestContext): CallId | undefined {
  return CallId.safeParse(c.req.query("call")).data
}
