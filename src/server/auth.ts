/** Authentication of the API: by a key of `API_KEYS` or, when no key is set, by a direct request from this machine. */

import { createHash, timingSafeEqual } from "node:crypto"
import { createMiddleware } from "hono/factory"
import type { Call } from "../call/call.ts"
import type { Config } from "../config/config.ts"
import { AppError } from "../lib/errors.ts"
import type { Env, Origin, Auth, RequestContext } from "./context.ts"

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
]

/** Value of `WWW-Authenticate` in every 401 response. (RFC 6750, section 3.) */
export const CHALLENGE = 'Bearer realm="parley"'

type Access = Pick<Config, "apiKeys" | "allowedOrigins">

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
  if (!/^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/.test(peer)) return false
  if (FORWARDING.some((name) => headers.has(name))) return false
  const host = (headers.get("host") ?? "").toLowerCase()
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host)) return false
  const page = headers.get("origin")
  return page === null || page === `http://${host}` || allowedOrigins.includes(page)
}

/** Authenticates a request; undefined when it may not use the API. */
export function authOf(config: Access, c: RequestContext): Auth | undefined {
  return authFromKey(config, c.env.origin, givenKey(c.req.raw))
}

/** Authenticates by a key from any source. When no keys are set, only direct requests from this machine pass. */
export function authFromKey(
  config: Access,
  origin: Origin | undefined,
  given: string | undefined,
): Auth | undefined {
  const { apiKeys } = config
  if (apiKeys.length === 0) return isDirectLoopback(config, origin) ? { userId: null } : undefined
  if (given === undefined) return undefined
  const digest = digestOf(given)
  let auth: Auth | undefined
  // All keys are compared, so that the response time does not depend on which one matches.
  for (const { key, userId } of apiKeys) {
    if (timingSafeEqual(digestOf(key), digest)) auth ??= { userId }
  }
  return auth
}

/** Refuses requests that are not authenticated with 401 `UNAUTHORIZED`, and sets `auth` for the others. */
export function requireAuth(config: Access) {
  return createMiddleware<Env>(async function requireAuthHandler(c, next) {
    const auth = authOf(config, c)
    if (!auth) throw unauthorized(config, c)
    c.set("auth", auth)
    await next()
  })
}

/** The 401 error of an unauthenticated request. Sets `WWW-Authenticate`. */
export function unauthorized({ apiKeys }: Access, c: RequestContext): AppError {
  c.header("WWW-Authenticate", CHALLENGE)
  const advice = "send one as Authorization: Bearer <key>."
  return new AppError(
    "UNAUTHORIZED",
    apiKeys.length > 0
      ? `This request needs a key of API_KEYS; ${advice}`
      : `No API_KEYS are set, so only programs on this machine may use the API. Set API_KEYS and ${advice}`,
  )
}

/** The user a request acts for; null: all users. Throws FORBIDDEN when a bound key names another user. */
export function actingUser(auth: Auth, named: string | undefined): string | null {
  if (auth.userId === null) return named ?? null
  if (named !== undefined && named !== auth.userId) {
    throw new AppError("FORBIDDEN", "This key belongs to another user.")
  }
  return auth.userId
}

/** Throws FORBIDDEN when the call belongs to another user. */
export function requireOwnCall(auth: Auth, call: Call): void {
  if (auth.userId !== null && call.userId !== auth.userId) {
    throw new AppError("FORBIDDEN", "This call belongs to another user.")
  }
}

/** The key in the headers of a request. */
export function givenKey(request: Request): string | undefined {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.get("authorization") ?? "")?.[1]
  return bearer ?? request.headers.get("x-api-key") ?? undefined
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest()
}
