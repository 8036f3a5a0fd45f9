/** Who calls the API: the owner of a key, or, where no key is set, a program on this machine. */

import { createHash, timingSafeEqual } from "node:crypto"
import { createMiddleware } from "hono/factory"
import type { Call } from "../call/call.ts"
import type { Config } from "../config/config.ts"
import { AppError } from "../lib/errors.ts"
import type { Env, Origin, Principal, RequestContext } from "./context.ts"

/** Headers that a proxy or tunnel adds; with any of them a request is not from this machine. */
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

type Access = Pick<Config, "apiKeys" | "allowedOrigins">

/**
 * Whether the request was made on this machine, to this machine, by nobody in between, and not by a page of another
 * site in this machine's browser.
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

/** The principal of a request, or undefined when it has no right to the API. */
export function principalOf(config: Access, c: RequestContext): Principal | undefined {
  return principalWith(config, c.env.origin, givenKey(c.req.raw))
}

/** The owner of a key that was given in whatever way; without keys, a program on this machine. */
export function principalWith(
  config: Access,
  origin: Origin | undefined,
  given: string | undefined,
): Principal | undefined {
  const { apiKeys } = config
  if (apiKeys.length === 0) return isDirectLoopback(config, origin) ? { userId: null } : undefined
  if (given === undefined) return undefined
  const digest = digestOf(given)
  let principal: Principal | undefined
  // Every key is looked at, so that the time taken tells nothing.
  for (const { key, userId } of apiKeys) {
    if (timingSafeEqual(digestOf(key), digest)) principal ??= { userId }
  }
  return principal
}

/** Lets only principals through. */
export function requirePrincipal(config: Access) {
  return createMiddleware<Env>(async function requirePrincipalHandler(c, next) {
    const principal = principalOf(config, c)
    if (!principal) throw unauthorized(config, c)
    c.set("principal", principal)
    await next()
  })
}

/** The refusal of a request without a right to the API; sets the header that goes with it. */
export function unauthorized({ apiKeys }: Access, c: RequestContext): AppError {
  c.header("WWW-Authenticate", 'Bearer realm="parley"')
  const advice = "send one as Authorization: Bearer <key>."
  return new AppError(
    "UNAUTHORIZED",
    apiKeys.length > 0
      ? `This needs a key of API_KEYS; ${advice}`
      : `No API_KEYS are set, so only programs on this machine are served. Set API_KEYS and ${advice}`,
  )
}

/** The user a request acts for. Throws FORBIDDEN when a bound key names another one. */
export function actingUser(principal: Principal, named: string | undefined): string | null {
  if (principal.userId === null) return named ?? null
  if (named !== undefined && named !== principal.userId) {
    throw new AppError("FORBIDDEN", "This key belongs to another user.")
  }
  return principal.userId
}

/** Throws FORBIDDEN when the call is another user's. */
export function requireOwnCall(principal: Principal, call: Call): void {
  if (principal.userId !== null && call.userId !== principal.userId) {
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
