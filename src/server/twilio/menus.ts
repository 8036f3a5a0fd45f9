/** Where Twilio posts what callers press, say and leave as messages. */

import { Hono } from "hono"
import { z } from "zod"
import { CallId } from "../../call/ids.ts"
import { answerMenu, recordingReported } from "../../menus/answer-menu.ts"
import { parseMenuWebhook, parseRecordingWebhook } from "../../twilio/webhooks.ts"
import { AppError } from "../../lib/errors.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { answerInTime } from "./answer-in-time.ts"
import { webhookGuard } from "./guard.ts"
import { twiml } from "./webhooks.ts"

const RecordingQuery = z.object({ call: CallId, menu: z.string().max(128), step: z.string().max(64) })

export function menuRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context

  app.use("/twilio/menus/*", answerInTime(context))
  // The revision in the address makes an input count once, so a repeated or late request gets the present step.
  app.post("/twilio/menus/:menu/:step", webhookGuard(context, { kind: "menu", once: false }), async (c) => {
    const webhook = parseMenuWebhook(c.get("form"))
    const step = await answerMenu(control, { webhook, revision: revisionOf(c) ?? "again" })
    return twiml(c, step ?? { kind: "hang-up" })
  })

  // A repeated report changes nothing.
  app.post("/twilio/recording", webhookGuard(context, { kind: "recording", once: false }), async (c) => {
    const query = RecordingQuery.safeParse(c.req.query())
    if (!query.success) throw new AppError("INVALID_REQUEST", "The address names no call, menu and step.")
    const { call: callId, ...place } = query.data
    await recordingReported(control, { webhook: parseRecordingWebhook(c.get("form")), callId, ...place })
    return c.body(null, 204)
  })

  return app
}

/** From the query: `n` is the revision; `again`, that the present step is asked for once more. */
export function revisionOf(c: RequestContext): number | "again" | undefined {
  if (c.req.query("again") !== undefined) return "again"
  const given = c.req.query("n")
  return given !== undefined && /^\d{1,9}$/.test(given) ? Number(given) : undefined
}
