/** The webhooks of the realtime backend: number verification before the agent. Its documented paths. */

import { Hono } from "hono"
import { answerMenu } from "../../menus/answer-menu.ts"
import { parseMenuWebhook } from "../../twilio/webhooks.ts"
import type { NextStep } from "../../call/next-step.ts"
import type { Env, ServerContext } from "../context.ts"
import { answerInTime } from "../twilio/answer-in-time.ts"
import { webhookGuard } from "../twilio/guard.ts"
import { revisionOf } from "../twilio/menus.ts"
import { twiml } from "../twilio/webhooks.ts"
import { answerWith, succeededBy } from "./shared.ts"

/** The menu that checks the number of the caller; a file of this key replaces the built-in one. */
const VERIFICATION_MENU = "numberVerification"

/** For a call that this server does not know, or that is not being asked for its number. */
const UNKNOWN: NextStep = {
  kind: "say",
  text: "An error occurred. Please call back.",
  then: { kind: "hang-up" },
}

export function numberVerificationAlias(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context

  app.use("/incoming-call", answerInTime(context))
  app.all("/incoming-call", webhookGuard(context, { kind: "voice", once: true }), (c) => {
    succeededBy(c, "/twilio/voice")
    return answerWith(context, c, {
      engine: "realtime",
      address: { kind: "token-path", prefix: "/media-stream" },
      menu: VERIFICATION_MENU,
      menuPaths: "earlier-system",
    })
  })

  for (const [path, part] of [
    ["/validate-number", "collect"],
    ["/confirm-number", "confirm"],
  ] as const) {
    app.use(path, answerInTime(context))
    app.post(path, webhookGuard(context, { kind: "menu", once: false }), async (c) => {
      succeededBy(c, "/twilio/menus/{menu}/{step}")
      const webhook = parseMenuWebhook(c.get("form"))
      const step = await answerMenu(control, { webhook, revision: revisionOf(c) ?? "present", part })
      return twiml(c, step ?? UNKNOWN)
    })
  }

  return app
}
