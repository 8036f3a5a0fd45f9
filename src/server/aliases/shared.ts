/** Shared by the aliases of the call-control systems: reads a request, finds its call, and names the successor path. */

import { z } from "zod"
import type { Call, Parameters as CallParameters } from "../../call/call.ts"
import { CallSid } from "../../call/ids.ts"
import { answerCall, type AnswerCall } from "../../control/answer-call.ts"
import { AppError } from "../../lib/errors.ts"
import { parseForm, type Form } from "../../twilio/form.ts"
import { parseVoiceWebhook } from "../../twilio/webhooks.ts"
import { ParametersField } from "../v1/call-parameters.ts"
import type { RequestContext, ServerContext } from "../context.ts"
import { invalidRequest } from "../errors.ts"
import { isOwn } from "../auth.ts"
import { twiml } from "../twilio/webhooks.ts"

/** A required field as text; a number is converted to its digits. */
export const Needed = z
  .union([z.string(), z.number().transform(String)])
  .pipe(z.string().trim().min(1).max(128))

/** The fields of a JSON object, for any content type. Throws INVALID_REQUEST for any other body. */
export async function bodyOf(c: RequestContext): Promise<Record<string, unknown>> {
  const text = await c.req.text()
  let body: unknown
  try {
    body = text.trim() === "" ? {} : JSON.parse(text)
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "The body is not JSON.", { cause })
  }
  const fields = z.record(z.string(), z.unknown()).safeParse(body)
  if (!fields.success) throw new AppError("INVALID_REQUEST", "The body is not a JSON object.")
  return fields.data
}

/** The remaining fields as parameters of the call. Throws INVALID_REQUEST past the limits of the REST API. */
export function parametersOf(fields: Record<string, unknown>): CallParameters {
  const given = Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || value === null) return []
    return [[name, typeof value === "object" ? JSON.stringify(value) : value] as const]
  })
  const parsed = ParametersField.safeParse(Object.fromEntries(given))
  if (!parsed.success) throw invalidRequest(parsed.error, "body")
  return parsed.data
}

/** Undefined when no call of the user has this name, be it a SID or not. */
export async function callNamed(
  { control }: ServerContext,
  c: RequestContext,
  name: string,
): Promise<Call | undefined> {
  const sid = CallSid.safeParse(name)
  const call = sid.success ? await control.store.calls.bySid(sid.data) : undefined
  return call && isOwn(c.get("auth"), call) ? call : undefined
}

/** Answers a voice webhook with TwiML; runs behind the webhook guard. The fields may be in the query. */
export async function answerWith(
  { control, pathOf }: ServerContext,
  c: RequestContext,
  how: Omit<AnswerCall, "webhook" | "retryPath">,
): Promise<Response> {
  await control.assets.refresh()
  const webhook = parseVoiceWebhook(voiceForm(c))
  const request = { ...how, webhook, retryPath: pathOf(c.req.raw) }
  return twiml(c, await answerCall(control, request))
}

/** Marks the response of an earlier path as deprecated and links the path that replaces it. (RFC 8288, RFC 5829.) */
export function succeededBy(c: RequestContext, path: string): void {
  c.header("Deprecation", "true")
  c.header("Link", `<${path}>; rel="successor-version"`)
}

/** Twilio puts its fields into the query of a GET. (Twilio: "Twilio's request to your application".) */
function voiceForm(c: RequestContext): Form {
  const form = c.get("form")
  const isInQuery = Object.keys(form).length === 0
  return isInQuery ? parseForm(new URL(c.req.url).search.slice(1)) : form
}
