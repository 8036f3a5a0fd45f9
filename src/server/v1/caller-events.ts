/** `POST /v1/callers/:number/events`: reports about a caller, by key or with the token of a call. */

import { Hono } from "hono"
import { createMiddleware } from "hono/factory"
import type { z } from "zod"
import { unauthorized } from "../auth.ts"
import { limitChunkedBody } from "../body-limit.ts"
import type { Env, ServerContext } from "../context.ts"
import { jsonBody, operation, query } from "../openapi/operation.ts"
import { callerAccess, givenAccess, reportWith } from "./caller-access.ts"
import { CallerEventBody, CallerEventView, eventKind } from "./caller-schemas.ts"
import { CALLER_PARAMS, CallerQuery } from "./callers.ts"

/** Mounted before the check of keys: a page of the operator has the token of one call and no key. */
export function callerEventRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()

  app.post(
    "/v1/callers/:number/events",
    operation({
      id: "reportCallerEvent",
      tag: "Callers",
      summary: "Report that a caller has consented, is logged in, or has sent information",
      description:
        "Takes a key, or as `Authorization: Bearer` the token of one call, which serves each event once. Running calls with the number change their role.",
      params: CALLER_PARAMS,
      responses: { 200: { description: "The event is recorded", schema: CallerEventView } },
      errors: [400, 403, 409, 415, 429],
    }),
    createMiddleware<Env>(async function requireAccess(c, next) {
      const access = await callerAccess(context, c.env.origin, givenAccess(c.req.raw))
      if (!access) throw unauthorized(context, c)
      c.set("callerAccess", access)
      return limitChunkedBody(c, next)
    }),
    query(CallerQuery),
    jsonBody(CallerEventBody),
    async (c) => {
      const report = c.req.valid("json")
      const { userId } = c.req.valid("query")
      const { caller, state, liveCalls } = await reportWith(context, c.get("callerAccess"), {
        ...report,
        number: c.req.param("number"),
        userId,
      })
      const event = eventKind(report.event)
      return c.json({ number: caller.number, event, state, liveCalls } satisfies z.infer<
        typeof CallerEventView
      >)
    },
  )

  return app
}
