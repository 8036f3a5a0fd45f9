/** Who calls the API: the owner of a key, or, where no key is set, a program on this machine. */

import { createHash, timingSafeEqual } from "node:crypto"
import { createMiddleware } from "hono/factory"
import type { Call } from "../call/call.ts"
import type { Config } from "../config.ts"
import { AppError } from "../lib/errors.ts"
import type { Connection, Env, Principal } from "./context.ts"

/** Headers that a proxy or tunnel adds; with any of them a request is not from this machine. */
const FORWARDING = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-real-ip",
  "x-client-ip",
  "cf-connecting-ip",
  "true-client-ip",
  "fly-client-ip",
]

/** Whether the request was made on this machine, to this machine, by nobody in between. */
export function isDirectLoopback(request: Request, server: Connection | undefined): boolean {
  const peer = server?.requestIP(request)?.address ?? ""
  if (!/^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/.test(peer)) return false
  if (FORWARDING.some((name) => request.headers.has(name))) return false
  const host = (request.headers.get("host") ?? "").replace(/:\d+$/, "").toLowerCase()
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host)
}

/** The principal of a request, or undefined when it has no right to the API. */
export function principalOf(
  { apiKeys }: Pick<Config, "apiKeys">,
  request: Request,
  server: Connection | undefined,
): Principal | undefined {
  if (apiKeys.length === 0) return isDirectLoopback(request, server) ? { userId: null } : undefined
  const given = givenKey(request)
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
export function requirePrincipal(config: Pick<Config, "apiKeys">) {
  return createMiddleware<Env>(async function requirePrincipalHandler(c, next) {
    const principal = principalOf(config, c.req.raw, c.env.server)
    if (!principal) {
      c.header("WWW-Authenticate", 'Bearer realm="parley"')
      throw new AppError(
        "UNAUTHORIZED",
        config.apiKeys.length > 0
          ? "Send a key of API_KEYS as Authorization: Bearer <key>."
          : "No API_KEYS are set, so only programs on this machine are served. Set API_KEYS and send one as Authorization: Bearer <key>.",
      )
    }
    c.set("principal", principal)
    await next()
  })
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

function givenKey(request: Request): string | undefined {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(request.headers.get("authorization") ?? "")?.[1]
  return bearer ?? request.headers.get("x-api-key") ?? undefined
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest()
}
