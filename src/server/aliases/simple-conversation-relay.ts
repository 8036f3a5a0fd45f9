/** The webhook path of Simple Conversation Relay. It only translates names; see `docs/compatibility.md`. */

import { Hono } from "hono"
import { answerCall, type AnswerCall } from "../../control/answer-call.ts"
import { AppError, toAppError, type ErrorCode } from "../../lib/errors.ts"
import type { Form } from "../../twilio/form.ts"
import { parseVoiceWebhook } from "../../twilio/webhooks.ts"
import type { Env, ServerContext } from "../context.ts"
import { errorHandler } from "../errors.ts"
import { twiml } from "../twilio/webhooks.ts"
import { answerInTime } from "../twilio/answer-in-time.ts"
import { webhookGuard } from "../twilio/guard.ts"
import { succeededBy } from "./shared.ts"

/** The same limit as in the REST API. */
const MAX_PARAMETERS = 100
/** The greeting that Simple Conversation Relay shipped with; an agent's own greeting replaces it. */
const SHIPPED_GREETING = "Hello there! How can I assist you with Conversation Relay today?"
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["BAD_SIGNATURE", "FORBIDDEN", "TOO_LARGE", "RATE_LIMITED"])
const FAILURE = "Failed to generate voice response to connect Conversation Relay"

export function relayAlias(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const guard = webhookGuard(context, { kind: "voice", once: true, orKey: true })
  const onError = errorHandler(context.log)

  // A request that was refused for what it is keeps the canonical form; every other error has the documented one.
  app.onError(async (error, c) => {
    const answer = await onError(error, c)
    return REFUSALS.has(toAppError(error).code) ? answer : c.text(FAILURE, 500)
  })

  app.use("/connectConversationRelay", answerInTime(context))
  app.post("/connectConversationRelay", guard, async (c) => {
    const form = c.get("form")
    await context.control.assets.refresh()
    const request: AnswerCall = {
      webhook: parseVoiceWebhook(form),
      parameters: parametersOf(form),
      shippedGreeting: SHIPPED_GREETING,
      address: { kind: "fixed-path", path: "/conversation-relay" },
      retryPath: `/connectConversationRelay${new URL(c.req.url).search}`,
      isKeyed: c.get("isKeyed"),
    }
    const step = await answerCall(context.control, request)
    succeededBy(c, "/twilio/voice")
    return twiml(c, step)
  })

  return app
}

/** The optional `parameters`: a JSON object, or the fields `parameters[name]` of a form. */
function parametersOf(form: Form): Record<string, string> {
  const found: [string, string][] = []
  for (const [name, value] of Object.entries(form)) {
    const text = Array.isArray(value) ? (value.at(-1) ?? "") : value
    const key = /^parameters\[([^\]]{1,64})\]$/.exec(name)?.[1]
    if (key) found.push([key, text])
    if (name === "parameters" && text !== "") found.push(...entriesOf(text))
  }
  if (found.length > MAX_PARAMETERS) {
    throw new AppError("INVALID_REQUEST", `parameters must have at most ${MAX_PARAMETERS} fields`)
  }
  return Object.fromEntries(found)
}

function entriesOf(json: string): [string, string][] {
  let given: unknown
  try {
    given = JSON.parse(json)
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "parameters must be an object", { cause })
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new AppError("INVALID_REQUEST", "parameters must be an object")
  }
  return Object.entries(given).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ])
}
