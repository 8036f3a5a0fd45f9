/** Authentication of the API: by a key of `API_KEYS` or, when no key is set, by a direct request from this machine. */

import { createHash, timingSafeEqual } from "node:crypto"
import { createMiddleware } from "hono/factory"
import type { Call } from "../call/call.ts"
import type { Config } from "../config/config.ts"
import { AppError } from "../lib/errors.ts"
import { isLoopback } from "../lib/loopback.ts"
import { servesLocalWithoutKey } from "../config/exposure.ts"
import { limitChunkedBody } from "./body-limit.ts"
import type { Env, Origin, Auth, RequestContext, ServerContext } from "./context.ts"

/** Headers that a proxy or tunnel adds. A request with one of them does not count as a request from this machine. */
const FORWARDING = [
  "forwarded",
  "via",
  "x-forwarded",
  "x-forwarded-by",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-forwarded-server",
  "x-original-host",
  "x-real-ip",
  "x-client-ip",
  "cf-connecting-ip",
  "true-client-ip",
  "fly-client-ip",
  "x-cluster-client-ip",
  "x-forwarded-scheme",
  "x-envoy-external-address",
  "x-amzn-trace-id",
  "cf-ray",
  "ngrok-trace-id",
]

/** Value of `WWW-Authenticate` in every 401 response. (RFC 6750, section 3.) */
export const CHALLENGE = 'Bearer realm="parley"'

type Access = Pick<Config, "apiKeys" | "allowedOrigins" | "publicUrl" | "twilio" | "localApi">

/** What counting refused requests needs. */
type KeyContext = { config: Access } & Pick<ServerContext, "failedKeys" | "control" | "log">

/**
 * Whether a program on this machine sent the request directly: no proxy in between, and not a page of another site
 * in a browser on this machine.
 */
export function isDirectLoopback(
  { allowedOrigins }: Pick<Config, "allowedOrigins">,
  origin: Origin | undefined,
): boolean {
  if (!origin) return false
  const { request, server } = origin
  const { headers } = request
  const peer = server.requestIP(request)?.address ?? ""
  if (!isLoopback(peer)) return false
  if (FORWARDING.some((name) => headers.has(name))) return false
  const host = (headers.get("host") ?? "").toLowerCase()
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host)) return false
  const page = headers.get("origin")
  // An image or a script of a page of another site comes without Origin.
  if (page === null && /^(?:cross-site|same-site)$/.test(headers.get("sec-fetch-site") ?? "")) return false
  return page === null || page === `http://${host}` || allowedOrigins.includes(page)
}

/** Authenticates a request; undefined when it may not use the API. */
export function authOf(config: Access, c: RequestContext): Auth | undefined {
  return authFromKey(config, c.env.origin, givenKey(c.req.raw))
}

/**
 * Authenticates by a key from any source. Direct requests from this machine pass without one while no other machine can reach
 * the server, and with LOCAL_API=open; a wrong key never passes.
 */
export function authFromKey(
  config: Access,
  origin: Origin | undefined,
  given: string | undefined,
): Auth | undefined {
  const { apiKeys } = config
  if (given === undefined || apiKeys.length === 0) {
    return servesLocalWithoutKey(config) && isDirectLoopback(config, origin)
      ? { userId: null, key: "local" }
      : undefined
  }
  const digest = digestOf(given)
  let auth: Auth | undefined
  // All keys are compared, so that the response time does not depend on which one matches.
  for (const { key, userId } of apiKeys) {
    if (timingSafeEqual(digestOf(key), digest)) auth ??= { userId, key: digest.toString("base64url") }
  }
  return auth
}

/**
 * Refuses requests that are not authenticated with 401 `UNAUTHORIZED`, before their body is read, and sets `auth` for the
 * others.
 */
export function requireAuth(context: KeyContext) {
  return createMiddleware<Env>(async function requireAuthHandler(c, next) {
    const auth = authOf(context.config, c)
    if (!auth) throw unauthorized(context, c)
    c.set("auth", auth)
    return limitChunkedBody(c, next)
  })
}

/** The 401 error of an unauthenticated request. Sets `WWW-Authenticate`. After many of one peer, 429. */
export function unauthorized(context: KeyContext, c: RequestContext): AppError {
  const flood = tooManyRefused(context, c.env.origin)
  if (flood) return flood
  c.header("WWW-Authenticate", CHALLENGE)
  const advice = "send one as Authorization: Bearer <key>."
  return new AppError(
    "UNAUTHORIZED",
    context.config.apiKeys.length > 0
      ? `This request needs a key of API_KEYS, or the generated one that \`parley key\` prints; ${advice}`
      : `No API_KEYS are set, so only programs on this machine may use the API. Set API_KEYS and ${advice}`,
  )
}

/**
 * Counts a request without a right key. Beyond the budget of its peer, the 429 error, which leaves no line in the log; a right
 * key is never counted.
 */
export function tooManyRefused(
  { failedKeys, control, log }: Omit<KeyContext, "config">,
  origin: Origin | undefined,
): AppError | undefined {
  const peer = origin?.server.requestIP(origin.request)?.address ?? "unknown"
  const { within, first, retryAfterSeconds } = failedKeys.add(peer, control.sweep.clock.monotonic())
  if (within) return undefined
  if (first)
    log.warn("many requests without a right key, further ones are not logged", { peer, retryAfterSeconds })
  return new AppError("RATE_LIMITED", "Too many requests without a right key.", {
    retryAfterSeconds,
    isLogged: false,
  })
}

/** The user a request acts for; null: all users. Throws FORBIDDEN when a bound key names another user. */
export function actingUser(auth: Auth, named: string | undefined): string | null {
  if (auth.userId === null) return named ?? null
  if (named !== undefined && named !== auth.userId) {
    throw new AppError("FORBIDDEN", "This key belongs to another user.")
  }
  return auth.userId
}

/** Whether the call is one that the request may see. Another user's call is answered like one that does not exist. */
export function isOwn({ userId }: Pick<Auth, "userId">, call: Pick<Call, "userId">): boolean {
  return userId === null || call.userId === userId
}

/** The key in the headers of a request. */
export function givenKey(request: Request): string | undefined {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.get("authorization") ?? "")?.[1]
  return bearer ?? request.headers.get("x-api-key") ?? undefined
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest()
}
