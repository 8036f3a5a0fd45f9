/**
 * Answers a webhook with TwiML, whatever fails: a caller whose webhook fails hears an error of Twilio's and is hung up on.
 */

import { createMiddleware } from "hono/factory"
import { nonce } from "../../call/ids.ts"
import type { NextStep } from "../../call/next-step.ts"
import { decodeHandoffData } from "../../call/session-end.ts"
import { toAppError } from "../../lib/errors.ts"
import type { Form } from "../../twilio/form.ts"
import { renderNextStep } from "../../twilio/twiml.ts"
import { webhookUrl } from "../../twilio/webhook-url.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"

/** How long Twilio waits before it asks again, in seconds. */
const ASK_AGAIN_SECONDS = 1
/** How often Twilio is asked to ask again before the call ends. */
const MAX_RETRIES = 3
const RETRY_FIELD = "retry"
const APOLOGY = "We are sorry, a technical problem has occurred. Please call again later."

/** Menu paths of an earlier system. */
const EARLIER_MENU: ReadonlySet<string> = new Set(["/validate-number", "/confirm-number"])
const AFTER_SESSION = "/twilio/reconnect"

/** Answers when the route has failed with a status of 500 or more, or takes longer than `WEBHOOK_ANSWER_MS`. */
export function answerInTime(context: ServerContext) {
  const { config, log } = context
  return createMiddleware<Env>(async function answerInTimeHandler(c, next) {
    const late = Promise.withResolvers<"late">()
    // Real time: this is about how long Twilio waits.
    const limit = AbortSignal.timeout(config.times.webhookAnswerMs)
    limit.addEventListener("abort", () => late.resolve("late"), { once: true })
    const outcome = await Promise.race([next(), late.promise])
    if (outcome !== "late" && (c.error === undefined || toAppError(c.error).http < 500)) return undefined
    const step = stepWithoutRoute(context, c)
    log.error("webhook answered without its route", { path: c.req.path, step: step.kind, error: c.error })
    const headers = { "Content-Type": "text/xml; charset=utf-8" }
    const response = new Response(renderNextStep(step), { headers })
    if (c.finalized) c.res = response
    return response
  })
}

/** What a request of Twilio's means by itself: usually that Twilio asks again. */
function stepWithoutRoute({ control, pathOf }: ServerContext, c: RequestContext): NextStep {
  const [pathname = "", query = ""] = pathOf(c.req.raw).split("?", 2)
  const form: Form = c.get("form") ?? {}
  // Nobody knows whether the person accepted: the caller returns to the agent.
  if (pathname === "/twilio/whisper-answered") return { kind: "hang-up" }
  if (pathname === "/twilio/whisper") return { kind: "nothing" }
  if (isOver(form)) return { kind: "hang-up" }
  const isMenu = pathname.startsWith("/twilio/menus/") || EARLIER_MENU.has(pathname)
  const isFirst = isMenu || !pathname.startsWith("/twilio/") || pathname === "/twilio/voice"
  const search = new URLSearchParams(query)
  const retry = Number(search.get(RETRY_FIELD) ?? 0) + 1
  if (!(retry <= MAX_RETRIES)) return { kind: "say", text: APOLOGY, then: { kind: "hang-up" } }
  // Another address each time: the same one could get the same signature, and a signature counts once.
  search.set(RETRY_FIELD, String(retry))
  // The input is lost with the redirect: the call stays at its question.
  if (isMenu) search.set("again", "1")
  search.set("n", nonce())
  const path = `${isFirst ? pathname : AFTER_SESSION}?${search.toString()}`
  return {
    kind: "redirect",
    url: webhookUrl(control.publicUrl(), path),
    afterSeconds: ASK_AGAIN_SECONDS,
  }
}

/** Whether a session ended on purpose, or a transfer after caller and person were connected. */
function isOver({ HandoffData: handoff, DialCallStatus: dialled, SessionStatus: session }: Form): boolean {
  if (dialled === "completed" || session === "completed") return true
  if (typeof handoff !== "string" || handoff === "") return false
  const { reason } = decodeHandoffData(handoff)
  return reason !== "transfer" && reason !== "lost" && !reason.startsWith("model-")
}
