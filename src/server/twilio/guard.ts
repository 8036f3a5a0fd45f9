/** Lets only Twilio's own requests through, and each of them once. */

import { createHash } from "node:crypto"
import { createMiddleware } from "hono/factory"
import type { Config } from "../../config/config.ts"
import { AppError } from "../../lib/errors.ts"
import { parseForm, type Form } from "../../twilio/form.ts"
import { retryWhileLocked } from "../../store/busy-retry.ts"
import { verifySignature } from "../../twilio/signature.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { isDirectLoopback, principalOf } from "../auth.ts"

/** Twilio gives up on a webhook after 15 seconds, so its own repetition comes within this time, in milliseconds. */
const REPETITION_MS = 30_000

export type WebhookGuardOptions = {
  kind: string
  /**
   * Whether a signature counts once: Twilio's own repetition gets the answer of the first request, anything else is
   * refused. Without it the route itself must bear repetitions.
   */
  once: boolean
  /** Whether a key of the API does in place of the signature: for paths that other programs call too. */
  orKey?: boolean
}

/** Checks the signature over the public URL, then whether the request was seen before. The form is left in `form`. */
export function webhookGuard(context: ServerContext, options: WebhookGuardOptions) {
  const { config, log } = context
  return createMiddleware<Env>(async function webhookGuardHandler(c, next) {
    const rawBody = await c.req.text()
    const signature = c.req.header("x-twilio-signature")
    const isJson = /^application\/json\b/i.test(c.req.header("content-type") ?? "")
    const form = isJson ? undefined : parseForm(rawBody)
    const isOpen = !config.twilio.validateWebhooks && isDirectLoopback(config, c.env.origin)
    if (isOpen || (options.orKey && signature === undefined && principalOf(config, c))) {
      c.set("form", form ?? jsonForm(rawBody))
      return next()
    }
    const isAuthentic = verifySignature({
      authTokens: config.twilio.authTokens,
      signature,
      url: context.control.publicUrl() + context.pathOf(c.req.raw),
      ...(form ? { form } : { rawBody }),
    })
    if (!isAuthentic) {
      log.warn("webhook refused, signature is missing or wrong", { kind: options.kind, path: c.req.path })
      throw new AppError("BAD_SIGNATURE", signatureFault(config, signature))
    }
    c.set("form", form ?? jsonForm(rawBody))
    return options.once ? onlyOnce(context, c, options.kind, next, `${signature}\n${rawBody}`) : next()
  })
}

/** Why a request did not count as Twilio's, with what to set. */
export function signatureFault(
  { twilio }: Pick<Config, "twilio">,
  signature: string | null | undefined,
): string {
  if (twilio.authTokens.length === 0) {
    return "Twilio's requests cannot be verified: set TWILIO_AUTH_TOKEN to the account's auth token."
  }
  if (!signature) return "The header X-Twilio-Signature is missing."
  return "The signature does not match. It is computed over PUBLIC_URL; check that it is the address set at Twilio."
}

/** The fields of a JSON object as those of a form; what is no text is written as JSON. */
function jsonForm(rawBody: string): Form {
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

async function onlyOnce(
  { control, pathOf }: ServerContext,
  c: RequestContext,
  kind: string,
  next: () => Promise<void>,
  signed: string,
): Promise<Response | undefined> {
  const { store, sweep } = control
  const idempotencyToken = c.req.header("i-twilio-idempotency-token") ?? null
  const fingerprint = createHash("sha256")
    .update(`${kind}\n${pathOf(c.req.raw)}\n${signed}`)
    .digest("hex")
  const at = sweep.clock.now()
  const receipt = await retryWhileLocked(sweep, () =>
    store.receipts.accept({ fingerprint, kind, idempotencyToken, at }),
  )
  if (receipt !== "new") {
    const own = idempotencyToken !== null && idempotencyToken === receipt.idempotencyToken
    if (!own || at - receipt.at > REPETITION_MS) {
      throw new AppError("BAD_SIGNATURE", "This request was answered before; a signature counts once.")
    }
    if (receipt.answer !== null) {
      return c.body(receipt.answer, 200, { "Content-Type": "text/xml; charset=utf-8" })
    }
  }
  await next()
  if (c.res.ok) {
    const answer = await c.res.clone().text()
    await retryWhileLocked(sweep, () => store.receipts.setAnswer(fingerprint, answer))
  }
  return undefined
}
