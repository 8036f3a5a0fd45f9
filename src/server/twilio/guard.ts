/** Lets only Twilio's own requests through, and each of them once. */

import { createHash } from "node:crypto"
import { createMiddleware } from "hono/factory"
import { CallSid } from "../../call/ids.ts"
import { AppError } from "../../lib/errors.ts"
import { hasTooManyFields, MAX_FIELDS, parseForm, repeatedField, type Form } from "../../twilio/form.ts"
import {
  isWellFormed,
  SIGNATURE_HEADER,
  SIGNATURE_SETTINGS_HEADER,
  verifySignature,
} from "../../twilio/signature.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { errorResponse } from "../errors.ts"
import { isDirectLoopback, authOf } from "../auth.ts"

/** Twilio gives up on a webhook after 15 seconds, so its own repetition comes within this time, in milliseconds. */
const REPETITION_MS = 30_000
/** A voice webhook has some 40 fields and 2 KB; the longest are those with recognised speech. */
const MAX_BODY_BYTES = 64 * 1024
/** Names of Twilio's fields, of `parameters[name]` and of JSON. A moved border between name and value breaks it. */
const FIELD_NAME = /^(?:[A-Za-z0-9_.-]{1,128}|[A-Za-z0-9_.-]{1,64}\[[^\]]{1,64}\])$/
const TOO_LARGE = `A request of Twilio's has ${MAX_BODY_BYTES} bytes and ${MAX_FIELDS} fields at most.`

/** Anyone can send such a request: a line of the log for each would fill the disk. */
function tooLarge(): AppError {
  return new AppError("TOO_LARGE", TOO_LARGE, { isLogged: false })
}

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

/**
 * Checks the signature over the public URL, then whether the request was seen before. The form is left in `form`. A
 * request without a well-formed signature is refused before its body is read, and a body is read up to 64 KiB.
 */
export function webhookGuard(context: ServerContext, options: WebhookGuardOptions) {
  const { config } = context
  const onlyOnce = onceGuard(context, options.kind)
  return createMiddleware<Env>(async function webhookGuardHandler(c, next) {
    const signature = c.req.header(SIGNATURE_HEADER)
    const isOpen = !config.twilio.validateWebhooks && isDirectLoopback(config, c.env.origin)
    // A key that is bound to a user may not speak for Twilio: that would reach the calls of others.
    const isKeyed = options.orKey === true && signature === undefined && authOf(config, c)?.userId === null
    const isTrusted = isOpen || isKeyed
    const [, query = ""] = urlOf(context, c.req.raw).split(/\?(.*)/s)
    if (hasTooManyFields(query)) throw tooLarge()
    if (!isTrusted && !isWellFormed(signature)) return refuse(context, c, options.kind, undefined)
    const rawBody = await limitedBody(c)
    if (rawBody === undefined) throw tooLarge()
    const isJson = /^application\/json\b/i.test(c.req.header("content-type") ?? "")
    if (!isJson && hasTooManyFields(rawBody)) throw tooLarge()
    const form = isJson ? undefined : parseForm(rawBody)
    const signed = form ? { form } : { rawBody }
    if (!isTrusted && !isFromTwilio(context, c.req.raw, urlOf(context, c.req.raw), signed)) {
      return refuse(context, c, options.kind, signed)
    }
    const fields = form ?? jsonForm(rawBody)
    const odd = Object.keys(fields).find((name) => !FIELD_NAME.test(name))
    if (odd !== undefined) {
      throw new AppError(
        "INVALID_REQUEST",
        `The field ${JSON.stringify(odd.slice(0, 64))} has an invalid name.`,
      )
    }
    const repeated = repeatedField(fields)
    if (repeated !== undefined) {
      throw new AppError("INVALID_REQUEST", `The field ${repeated.slice(0, 64)} occurs more than once.`)
    }
    c.set("form", fields)
    c.set("isKeyed", isKeyed)
    return options.once && !isTrusted ? onlyOnce(c, next, signature ?? "") : next()
  })
}

type Signed = { form: Form } | { rawBody: string } | Record<string, never>

/** Whether Twilio signed `url` and the body. */
export function isFromTwilio(
  { config: { twilio } }: Pick<ServerContext, "config">,
  request: Request,
  url: string,
  signed: Signed = {},
): boolean {
  return verifySignature({
    authTokens: twilio.authTokens,
    sharedKeys: twilio.sharedKeys,
    signature: request.headers.get(SIGNATURE_HEADER),
    settings: request.headers.get(SIGNATURE_SETTINGS_HEADER),
    url,
    ...signed,
  })
}

function urlOf({ control, pathOf }: ServerContext, request: Request): string {
  return control.publicUrl() + pathOf(request)
}

/** The body as text; undefined beyond the limit, of which nothing more is read. */
async function limitedBody(c: RequestContext): Promise<string | undefined> {
  const { headers, body } = c.req.raw
  const length = headers.get("content-length")
  if (length !== null) return Number(length) > MAX_BODY_BYTES ? undefined : c.req.text()
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body ?? []) {
    size += part.byteLength
    // Leaving the loop cancels the stream.
    if (size > MAX_BODY_BYTES) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/** The refusal of a request that is not Twilio's. Beyond the budget of its peer it is short and leaves no log line. */
function refuse(
  context: ServerContext,
  c: RequestContext,
  kind: string,
  signed: Signed | undefined,
): Response {
  const { log, control, failedSignatures } = context
  const { origin } = c.env
  const peer = origin?.server.requestIP(origin.request)?.address ?? "unknown"
  const { within, first, retryAfterSeconds } = failedSignatures.add(peer, control.sweep.clock.monotonic())
  if (within) {
    log.warn("webhook refused, signature is missing or wrong", { kind, path: c.req.path })
    throw new AppError("BAD_SIGNATURE", signatureFault(context, c.req.raw, urlOf(context, c.req.raw), signed))
  }
  if (first) log.warn("many wrong signatures, further ones are not logged", { peer, retryAfterSeconds })
  return errorResponse(c, new AppError("RATE_LIMITED", "Too many wrong signatures.", { retryAfterSeconds }))
}

/** Why a request did not count as Twilio's: the URL that was checked, the Host that came, the likely cause. */
export function signatureFault(
  { config, control }: Pick<ServerContext, "config" | "control">,
  request: Request,
  checkedUrl: string,
  signed: Signed = {},
): string {
  const { twilio } = config
  const settings = request.headers.get(SIGNATURE_SETTINGS_HEADER)
  if (settings !== null && twilio.sharedKeys.length === 0) {
    return "A Webhook Rule of the account signs this request with a shared key: set TWILIO_WEBHOOK_SHARED_KEY to its secret."
  }
  if (settings === null && twilio.authTokens.length === 0) {
    return "Twilio's requests cannot be verified: set TWILIO_AUTH_TOKEN to the account's auth token."
  }
  const signature = request.headers.get(SIGNATURE_HEADER)
  if (signature === null) return "The header X-Twilio-Signature is missing. Only Twilio may call this path."
  if (!isWellFormed(signature)) return "The header X-Twilio-Signature is not a signature of Twilio's."
  const host = request.headers.get("host") ?? ""
  const url = checkedUrl.split("?", 1)[0] ?? ""
  const checked = `The signature does not match. Checked was ${url} with the Host ${host.slice(0, 253)}.`
  const called = checkedUrl.replace(/^(\w+:\/\/)[^/?#]*/, (_, scheme: string) => scheme + host)
  const swapped = called.replace(/^(https?|wss?):/, (_, scheme: string) => OTHER_SCHEME[scheme] ?? scheme)
  const fitting = [called, swapped].find((candidate) => isFromTwilio({ config }, request, candidate, signed))
  if (fitting !== undefined) {
    const origin = /^\w+:\/\/[^/?#]*/.exec(fitting)?.[0].replace(/^ws/, "http")
    return `${checked} Twilio called ${origin}: set PUBLIC_URL to that address.`
  }
  const isOther = host.toLowerCase() !== new URL(control.publicUrl()).host
  return isOther
    ? `${checked} PUBLIC_URL must be the address set at Twilio, and TWILIO_AUTH_TOKEN the account's primary token.`
    : `${checked} TWILIO_AUTH_TOKEN must be the primary auth token of the account, or subaccount, that calls, and a proxy must not change path, query or body.`
}

const OTHER_SCHEME: Readonly<Record<string, string>> = {
  http: "https:",
  https: "http:",
  ws: "wss:",
  wss: "ws:",
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

/**
 * A request counts once. Its identity is the signature, which covers URL and fields as one text: how URL and body were
 * encoded, and where one field ends and the next begins, makes no other request of it. Twilio's repetition carries the
 * same idempotency token and gets the same answer. That token is not signed: a replay within that time carries it as well.
 * So a repetition carries out nothing while the first request runs, and gets nothing once the answer has opened a session.
 */
function onceGuard({ control }: ServerContext, kind: string) {
  const { store } = control
  const running = new Map<string, Promise<string | null>>()

  return async function onlyOnce(
    c: RequestContext,
    next: () => Promise<void>,
    signature: string,
  ): Promise<Response | undefined> {
    const idempotencyToken = c.req.header("i-twilio-idempotency-token") ?? null
    const fingerprint = createHash("sha256").update(signature).digest("hex")
    const at = store.steadyNow()
    const receipt = await store.receipts.accept({ fingerprint, kind, idempotencyToken, at })
    if (receipt !== "new") {
      const own = idempotencyToken !== null && idempotencyToken === receipt.idempotencyToken
      const isLate = at - receipt.at > REPETITION_MS
      const answer = own && !isLate ? (receipt.answer ?? (await running.get(fingerprint)) ?? null) : null
      if (!own || isLate || (answer !== null && (await isUsedUp(control, c.get("form"))))) {
        throw new AppError("BAD_SIGNATURE", "This request was answered before; a signature counts once.")
      }
      if (answer !== null) return c.body(answer, 200, { "Content-Type": "text/xml; charset=utf-8" })
    }
    const answered = Promise.withResolvers<string | null>()
    running.set(fingerprint, answered.promise)
    let answer: string | null = null
    try {
      await next()
      if (!c.res.ok) return undefined
      answer = await c.res.clone().text()
      await store.receipts.setAnswer(fingerprint, answer)
    } finally {
      answered.resolve(answer)
      if (running.get(fingerprint) === answered.promise) running.delete(fingerprint)
    }
    return undefined
  }
}

/** Whether Twilio has acted on the answer to the request: then it does not repeat the request. */
async function isUsedUp({ store, liveCalls }: ServerContext["control"], form: Form): Promise<boolean> {
  const sid = CallSid.safeParse(form["CallSid"])
  const call = sid.success ? await store.calls.bySid(sid.data) : undefined
  return call !== undefined && liveCalls.isHeld(call.id)
}
