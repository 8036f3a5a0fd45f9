/** The HTTP side of the server: every route, and the middleware that applies to all of them. */

import { Hono } from "hono"
import { cors } from "hono/cors"
import { methodNotAllowed } from "hono/method-not-allowed"
import { secureHeaders } from "hono/secure-headers"
import { AppError } from "../lib/errors.ts"
import { callerAssistantAlias } from "./aliases/caller-assistant.ts"
import { conversationAlias } from "./aliases/conversation.ts"
import { numberVerificationAlias } from "./aliases/number-verification.ts"
import { relayControlAlias } from "./aliases/relay-control.ts"
import { relayAlias } from "./aliases/simple-conversation-relay.ts"
import { starlisAlias } from "./aliases/starlis.ts"
import { syncAssetAlias } from "./aliases/sync-assets.ts"
import { voiceBackendAlias } from "./aliases/voice-backend.ts"
import { limitDeclaredBody } from "./body-limit.ts"
import type { Env, ServerContext } from "./context.ts"
import { errorResponse, errorHandler } from "./errors.ts"
import { requireAuth } from "./auth.ts"
import { apiDescriptionRoutes } from "./openapi/routes.ts"
import { menuRoutes } from "./twilio/menus.ts"
import { twilioRoutes } from "./twilio/webhooks.ts"
import { assetRoutes } from "./v1/assets.ts"
import { callerEventRoutes } from "./v1/caller-events.ts"
import { callerRoutes } from "./v1/callers.ts"
import { callRoutes } from "./v1/calls.ts"
import { agentRoutes } from "./v1/agents.ts"
import { configurationRoutes } from "./v1/configuration.ts"
import { conversationRoutes } from "./v1/conversations.ts"
import { eventRoutes } from "./v1/events.ts"
import { liveCallRoutes } from "./v1/live-calls.ts"
import { numberRoutes } from "./v1/numbers.ts"
import { resultRoutes } from "./v1/results.ts"
import { serverStateRoutes } from "./v1/server-state.ts"
import { voiceMessageRoutes } from "./v1/voice-messages.ts"
import { transcriptRoutes } from "./v1/transcripts.ts"

/** Everything under `/v1`, in the order of the API description. */
const V1_RESOURCES = [
  callRoutes,
  liveCallRoutes,
  transcriptRoutes,
  eventRoutes,
  resultRoutes,
  voiceMessageRoutes,
  conversationRoutes,
  callerRoutes,
  numberRoutes,
  assetRoutes,
  agentRoutes,
  configurationRoutes,
]

export function createHttp(context: ServerContext): Hono<Env> {
  const { config, log, pathOf } = context
  const app = new Hono<Env>({ getPath: (request) => pathOf(request).split("?", 1)[0] ?? "/" })

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
  app.use(async function requireTarget(c, next) {
    // A request target has no fragment (RFC 9112, section 3.2): the router would read it, but no signature covers it.
    if (c.req.url.includes("#"))
      throw new AppError("INVALID_REQUEST", "The request target must not contain a fragment (#).", {
        isLogged: false,
      })
    await next()
  })
  // A body of unknown length is read only after the request has been authenticated, or by the guard of webhooks.
  app.use(limitDeclaredBody)
  if (config.allowedOrigins.length > 0) {
    const exposeHeaders = ["Idempotency-Replayed", "Location", "Retry-After", "X-Request-Id"]
    app.use(cors({ origin: config.allowedOrigins, exposeHeaders, maxAge: 86_400 }))
  }
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        const allowed = methods.join(", ")
        c.header("Allow", allowed)
        return errorResponse(c, new AppError("METHOD_NOT_ALLOWED", `${c.req.path} answers ${allowed} only.`))
      },
    }),
  )
  app.onError(errorHandler(log))
  app.notFound((c) =>
    errorResponse(c, new AppError("NOT_FOUND", `There is nothing at ${c.req.method} ${c.req.path}.`)),
  )

  app.route("/", serverStateRoutes(context))
  app.route(
    "/",
    apiDescriptionRoutes(context, () => app.routes),
  )
  app.route("/", twilioRoutes(context)).route("/", menuRoutes(context))
  app.route("/", callerEventRoutes(context))
  app.use("/v1/*", requireAuth(context), async function requireJson(c, next) {
    const type = c.req.header("content-type") ?? ""
    const isText = /^(?:application\/(?:[\w.-]+\+)?json|text\/markdown)\b/i.test(type)
    if (c.req.raw.body !== null && !isText) {
      throw new AppError("UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json.")
    }
    await next()
  })
  for (const routes of V1_RESOURCES) app.route("/", routes(context))
  if (config.compat.includes("s1")) app.route("/", numberVerificationAlias(context))
  if (config.compat.includes("s0")) app.route("/", callerAssistantAlias(context))
  if (config.compat.includes("s2")) {
    app.route("/", relayAlias(context)).route("/", syncAssetAlias(context))
    app.route("/", conversationAlias(context)).route("/", relayControlAlias(context))
  }
  if (config.compat.includes("s3")) app.route("/", starlisAlias(context))
  if (config.compat.includes("s4")) app.route("/", voiceBackendAlias(context))
  return app
}
