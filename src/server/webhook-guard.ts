/** Lets only Twilio's own requests through, and each of them once. */

import { createHash } from "node:crypto"
import { createMiddleware } from "hono/factory"
import { AppError } from "../lib/errors.ts"
import { parseForm, type Form } from "../twilio/form.ts"
import { verifySignature } from "../twilio/signature.ts"
import type { Env, RequestContext, ServerContext } from "./context.ts"
import { isDirectLoopback, principalOf } from "./principal.ts"
import { pathOf } from "./request-path.ts"

/** Twilio gives up on a webhook after 15 seconds, so its own repetition comes within this time, in milliseconds. */
const REPETITION_MS = 30_000

export type WebhookGuardOptions = {
  kind: string
  /**
   * What a repeated request gets. `same-answer`: Twilio's own repetition gets the answer of the first, anything else
   * is refused. `ignored`: every repetition is answered and changes nothing.
   */
  repeated: "same-answer" | "ignored"
  /** Whether a key of the API does in place of the signature: for paths that other programs call too. */
  orKey?: boolean
}

/** Checks the signature over the public URL, then whether the request was seen before. The form is left in `form`. */
export function webhookGuard(context: ServerContext, options: WebhookGuardOptions) {
  return createMiddleware<Env>(async function webhookGuardHandler(c, next) {
    const rawBody = await c.req.text()
    const form = formOf(c, rawBody)
    c.set("form", form)
    const signature = c.req.header("x-twilio-signature")
    const byKey =
      options.orKey && signature === undefined && principalOf(context.config, c.req.raw, c.env.server)
    if (byKey) return next()
    if (!isAuthentic(context, c, { form, rawBody, signature })) {
      context.log.warn("webhook refused, signature is missing or wrong", {
        kind: options.kind,
        path: c.req.path,
      })
      throw new AppError("BAD_SIGNATURE", refusal(context, signature))
    }
    return onlyOnce(context, c, options, next, { signature, rawBody })
  })
}

function formOf(c: RequestContext, rawBody: string): Form {
  if (c.req.method === "GET") return parseForm(new URL(c.req.url).search.slice(1))
  if (!/^application\/json\b/i.test(c.req.header("content-type") ?? "")) return parseForm(rawBody)
  try {
    const json: unknown = JSON.parse(rawBody)
    if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error("not an object")
    return Object.fromEntries(
      Object.entries(json).map(([name, value]) => [
        name,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    )
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "The body is not a JSON object.", { cause })
  }
}

type Received = { form: Form; rawBody: string; signature: string | undefined }

function isAuthentic({ config, control }: ServerContext, c: RequestContext, received: Received): boolean {
  const { form, rawBody, signature } = received
  if (!config.twilio.validateWebhooks && isDirectLoopback(c.req.raw, c.env.server)) return true
  const url = control.publicUrl() + pathOf(c.req.raw)
  const isForm = c.req.method !== "GET" && !/^application\/json\b/i.test(c.req.header("content-type") ?? "")
  return verifySignature({
    authTokens: config.twilio.authTokens,
    signature,
    url,
    ...(isForm ? { form } : {}),
    ...(isForm || c.req.method === "GET" ? {} : { rawBody }),
  })
}

async function onlyOnce(
  { control }: ServerContext,
  c: RequestContext,
  { kind, repeated }: WebhookGuardOptions,
  next: () => Promise<void>,
  { signature, rawBody }: Omit<Received, "form">,
): Promise<Response | undefined> {
  const { store, sweep } = control
  const idempotencyToken = c.req.header("i-twilio-idempotency-token") ?? null
  const fingerprint = createHash("sha256")
    .update(`${kind}\n${pathOf(c.req.raw)}\n${signature ?? ""}\n${rawBody}`)
    .digest("hex")
  const at = sweep.clock.now()
  const receipt = store.receipts.accept({ fingerprint, kind, idempotencyToken, at })
  if (receipt !== "new") {
    if (repeated === "ignored") return c.body(null, 204)
    const own = idempotencyToken !== null && idempotencyToken === receipt.idempotencyToken
    if (!own || at - receipt.at > REPETITION_MS) {
      throw new AppError("BAD_SIGNATURE", "This request was answered before; a signature counts once.")
    }
    if (receipt.answer !== null)
      return c.body(receipt.answer, 200, { "Content-Type": "text/xml; charset=utf-8" })
  }
  await next()
  if (repeated === "same-answer" && c.res.ok)
    store.receipts.setAnswer(fingerprint, await c.res.clone().text())
  return undefined
}

function refusal({ config }: ServerContext, signature: string | undefined): string {
  if (config.twilio.authTokens.length === 0) {
    return "Webhooks cannot be verified: set TWILIO_AUTH_TOKEN to the account's auth token."
  }
  if (signature === undefined) return "The header X-Twilio-Signature is missing."
  return "The signature does not match. It is computed over PUBLIC_URL; check that it is the address set at Twilio."
}
