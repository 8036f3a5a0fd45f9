/** The HTTP side of the server: every route, and what holds for all of them. */

import { Hono } from "hono"
import { bodyLimit } from "hono/body-limit"
import { cors } from "hono/cors"
import { secureHeaders } from "hono/secure-headers"
import { AppError } from "../lib/errors.ts"
import { relayAlias } from "./aliases/simple-conversation-relay.ts"
import { callRoutes } from "./call-routes.ts"
import type { Env, ServerContext } from "./context.ts"
import { errorAnswer, errorHandler } from "./errors.ts"
import { operationRoutes } from "./operation-routes.ts"
import { requirePrincipal } from "./principal.ts"
import { twilioRoutes } from "./twilio-routes.ts"

/** The largest body that is read, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024

export function createHttp(context: ServerContext): Hono<Env> {
  const { config, log } = context
  const app = new Hono<Env>()

  app.use(async function requestLog(c, next) {
    const startedAt = performance.now()
    c.set("requestId", crypto.randomUUID())
    await next()
    c.header("X-Request-Id", c.get("requestId"))
    log.debug("request", {
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      tookMs: Math.round(performance.now() - startedAt),
    })
  })
  app.use(secureHeaders({ xFrameOptions: "DENY", referrerPolicy: "no-referrer" }))
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) =>
        errorAnswer(c, new AppError("TOO_LARGE", `A body may have ${MAX_BODY_BYTES} bytes at most.`)),
    }),
  )
  if (config.allowedOrigins.length > 0) {
    app.use(
      cors({ origin: config.allowedOrigins, exposeHeaders: ["Retry-After", "X-Request-Id"], maxAge: 86_400 }),
    )
  }
  app.onError(errorHandler(log))
  app.notFound((c) =>
    errorAnswer(c, new AppError("NOT_FOUND", `There is nothing at ${c.req.method} ${c.req.path}.`)),
  )

  app.route("/", operationRoutes(context))
  app.route("/", twilioRoutes(context))
  app.use("/v1/*", requirePrincipal(config))
  app.route("/v1/calls", callRoutes(context))
  if (config.compat.includes("s2")) app.route("/", relayAlias(context))
  return app
}
