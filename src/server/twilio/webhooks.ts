/** The webhooks that Twilio calls. */

import { Hono } from "hono"
import type { Call } from "../../call/call.ts"
import { CallId } from "../../call/ids.ts"
import type { NextStep } from "../../call/next-step.ts"
import { answerCall } from "../../control/answer-call.ts"
import { connectEnded } from "../../control/connect-ended.ts"
import { reportStatus } from "../../control/report-status.ts"
import { streamEnded } from "../../control/stream-ended.ts"
import { transferEnded, whisper } from "../../control/transfer.ts"
import { renderNextStep } from "../../twilio/twiml.ts"
import {
  parseConnectEndedWebhook,
  parseStatusWebhook,
  parseStreamEndedWebhook,
  parseVoiceWebhook,
  parseTransferEndedWebhook,
} from "../../twilio/webhooks.ts"
import { retryWhileLocked } from "../../store/busy-retry.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { webhookGuard } from "./guard.ts"

/** The TwiML of a next step, as Twilio takes it. */
export function twiml(c: RequestContext, step: NextStep): Response {
  return c.body(renderNextStep(step), 200, { "Content-Type": "text/xml; charset=utf-8" })
}

export function twilioRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context
  const { sweep } = control

  app.post("/twilio/voice", webhookGuard(context, { kind: "voice", once: true }), async (c) => {
    const webhook = parseVoiceWebhook(c.get("form"))
    await control.assets.refresh()
    const search = new URL(c.req.url).search
    const request = { webhook, callId: callIdOf(c), retryPath: `/twilio/voice${search}` }
    return twiml(c, await retryWhileLocked(sweep, () => answerCall(control, request)))
  })

  app.post(
    "/twilio/connect-ended",
    webhookGuard(context, { kind: "connect-ended", once: true }),
    async (c) => {
      const form = c.get("form")
      // A stream is followed by this request as the next verb, which tells nothing of the session.
      const isStream = c.req.query("engine") !== undefined
      const next = () =>
        isStream
          ? streamEnded(control, parseStreamEndedWebhook(form))
          : connectEnded(control, parseConnectEndedWebhook(form))
      return twiml(c, await retryWhileLocked(sweep, next))
    },
  )

  app.post(
    "/twilio/transfer-ended",
    webhookGuard(context, { kind: "transfer-ended", once: true }),
    async (c) => {
      const webhook = parseTransferEndedWebhook(c.get("form"))
      return twiml(c, await retryWhileLocked(sweep, () => transferEnded(control, webhook)))
    },
  )

  // Asked by the leg of the person who is called; our id of the caller's call is in the query.
  app.post("/twilio/whisper", webhookGuard(context, { kind: "whisper", once: false }), (c) => {
    const callId = callIdOf(c)
    const call = callId && control.store.calls.byId(callId)
    return twiml(c, call ? whisper(control, call) : { kind: "nothing" })
  })

  // A status seen twice changes nothing, so one whose first delivery failed may come again.
  app.post("/twilio/status", webhookGuard(context, { kind: "status", once: false }), async (c) => {
    await retryWhileLocked(sweep, () => takeStatus(context, c))
    return c.body(null, 204)
  })

  return app
}

/** Takes a status callback into the call it belongs to, and returns that. One for a call that is not ours changes nothing. */
export function takeStatus({ control, log }: ServerContext, c: RequestContext): Call | undefined {
  const webhook = parseStatusWebhook(c.get("form"))
  const { store, sweep } = control
  const callId = callIdOf(c)
  const bySid = store.calls.bySid(webhook.callSid)
  const placed = bySid || !callId ? undefined : store.calls.byId(callId)
  // Statuses may come before Twilio's answer to our request has told us the SID.
  if (placed?.sid === null) store.calls.attachSid(placed.id, webhook.callSid)
  const call = store.calls.bySid(webhook.callSid)
  if (!call) {
    log.warn("status of an unknown call", { callSid: webhook.callSid, status: webhook.callStatus })
    return undefined
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
  return call
}

/** Our own id of a call that this server placed; it travels in the query of its webhooks. */
function callIdOf(c: RequestContext): CallId | undefined {
  return CallId.safeParse(c.req.query("call")).data
}
