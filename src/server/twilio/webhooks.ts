/** The webhooks that Twilio calls. */

import { Hono } from "hono"
import { CallId } from "../../call/ids.ts"
import type { NextStep } from "../../call/next-step.ts"
import { answerCall } from "../../control/answer-call.ts"
import { takeMessageStatus } from "../../control/message-status.ts"
import { takeStatusCallback, type TakenStatus } from "../../control/report-status.ts"
import type { ConnectionAddress } from "../../control/connect.ts"
import { reconnect, relayEnded, streamEnded } from "../../control/session-ended.ts"
import { transferEnded } from "../../control/transfer.ts"
import { whisper, whisperAnswered } from "../../control/whisper.ts"
import { renderNextStep } from "../../twilio/twiml.ts"
import {
  parseConnectEndedWebhook,
  parseMessageStatusWebhook,
  parseStatusWebhook,
  parseStreamEndedWebhook,
  parseVoiceWebhook,
  parseTransferEndedWebhook,
  parseWhisperAnswered,
} from "../../twilio/webhooks.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { answerInTime } from "./answer-in-time.ts"
import { webhookGuard } from "./guard.ts"

/** The TwiML of a next step, as Twilio takes it. */
export function twiml(c: RequestContext, step: NextStep): Response {
  return c.body(renderNextStep(step), 200, { "Content-Type": "text/xml; charset=utf-8" })
}

export function twilioRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context
  for (const path of [
    "voice",
    "connect-ended",
    "reconnect",
    "transfer-ended",
    "whisper",
    "whisper-answered",
  ]) {
    app.use(`/twilio/${path}`, answerInTime(context))
  }

  app.post("/twilio/voice", webhookGuard(context, { kind: "voice", once: true }), async (c) => {
    const webhook = parseVoiceWebhook(c.get("form"))
    await control.assets.refresh()
    const search = new URL(c.req.url).search
    const menu = c.req.query("menu")
    const request = { webhook, callId: callIdOf(c), retryPath: `/twilio/voice${search}` }
    return twiml(c, await answerCall(control, menu === undefined ? request : { ...request, menu }))
  })

  app.post(
    "/twilio/connect-ended",
    webhookGuard(context, { kind: "connect-ended", once: true }),
    async (c) => {
      const form = c.get("form")
      // After a stream Twilio requests the next verb, which says nothing about the session.
      const isStream = c.req.query("engine") !== undefined
      const next = isStream
        ? streamEnded(control, parseStreamEndedWebhook(form), connectionOf(c))
        : relayEnded(control, parseConnectEndedWebhook(form), connectionOf(c))
      return twiml(c, await next)
    },
  )

  app.post("/twilio/reconnect", webhookGuard(context, { kind: "reconnect", once: true }), async (c) => {
    const webhook = parseStreamEndedWebhook(c.get("form"))
    return twiml(c, await reconnect(control, webhook, connectionOf(c)))
  })

  app.post(
    "/twilio/transfer-ended",
    webhookGuard(context, { kind: "transfer-ended", once: true }),
    async (c) => {
      const webhook = parseTransferEndedWebhook(c.get("form"))
      return twiml(c, await transferEnded(control, webhook))
    },
  )

  // Requested by the leg of the called person; our id of the caller's call is in the query.
  app.post("/twilio/whisper", webhookGuard(context, { kind: "whisper", once: false }), async (c) => {
    const callId = callIdOf(c)
    const call = callId && (await control.store.calls.byId(callId))
    return twiml(c, call ? whisper(control, call) : { kind: "nothing" })
  })

  app.post(
    "/twilio/whisper-answered",
    webhookGuard(context, { kind: "whisper-answered", once: false }),
    async (c) => {
      const callId = callIdOf(c)
      const call = callId && (await control.store.calls.byId(callId))
      if (!call) return twiml(c, { kind: "hang-up" })
      const { digits } = parseWhisperAnswered(c.get("form"))
      const question = Number(c.req.query("question") ?? 1)
      return twiml(c, whisperAnswered(control, call, { digits, question }))
    },
  )

  // A repeated status changes nothing, so a delivery that failed may be repeated.
  app.post("/twilio/status", webhookGuard(context, { kind: "status", once: false }), async (c) => {
    await takeStatus(context, c)
    return c.body(null, 204)
  })

  app.post("/twilio/sms", webhookGuard(context, { kind: "sms", once: true }), async (c) => {
    const webhook = parseMessageStatusWebhook(c.get("form"))
    await takeMessageStatus(control, { webhook, callId: callIdOf(c) })
    return c.body(null, 204)
  })

  return app
}

/** Applies the status callback of a request. */
export function takeStatus({ control }: ServerContext, c: RequestContext): Promise<TakenStatus | undefined> {
  return takeStatusCallback(control, { webhook: parseStatusWebhook(c.get("form")), callId: callIdOf(c) })
}

/** The connection that an address of a next step follows, from its query. */
function connectionOf(c: RequestContext): ConnectionAddress {
  return { resume: c.req.query("resume"), mark: c.req.query("s") }
}

/** Our own id of a call that this server placed, from the query of its webhooks. */
function callIdOf(c: RequestContext): CallId | undefined {
  return CallId.safeParse(c.req.query("call")).data
}
