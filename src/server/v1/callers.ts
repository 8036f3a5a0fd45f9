/** `/v1/callers`: what is known of callers across calls; read, change, erase. */

import { Hono } from "hono"
import { z } from "zod"
import type { Caller, CallerId } from "../../call/caller.ts"
import { phoneNumber } from "../../call/phone-number.ts"
import { changeByApi, eraseCaller } from "../../control/caller-memory.ts"
import { stateNow } from "../../control/caller-profile.ts"
import { AppError } from "../../lib/errors.ts"
import { actingUser } from "../auth.ts"
import type { Env, RequestContext, ServerContext } from "../context.ts"
import { jsonBody, operation, query, withExamples, type Parameter } from "../openapi/operation.ts"
import { CallerList, CallerPatch, callerView, CallerView, NUMBER } from "./caller-schemas.ts"

export const CALLER_PARAMS: Readonly<Record<"number", Parameter>> = {
  number: { description: "The number, in E.164 form or as people write it, URL-encoded", example: NUMBER },
}

const userId = z
  .string()
  .min(1)
  .max(128)
  .optional()
  .describe(
    "User whose knowledge of the caller it is; a bound key has its own. Default: that of no user, which is that of incoming calls",
  )

export const CallerQuery = z.strictObject({ userId })

const ListQuery = z.strictObject({
  userId,
  limit: z.coerce.number().int().min(1).max(500).default(50).describe("Callers of one page"),
  after: z.string().max(20).optional().describe("`next` of the page before"),
})

const Erased = withExamples(z.object({ number: z.string(), erased: z.literal(true) }), {
  number: NUMBER,
  erased: true,
})

export function callerRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context
  const view = (caller: Caller) => callerView(caller, stateNow(control, caller))

  app.get(
    "/v1/callers",
    operation({
      id: "listCallers",
      tag: "Callers",
      summary: "List callers, by number",
      responses: { 200: { description: "One page", schema: CallerList } },
      errors: [403],
    }),
    query(ListQuery),
    async (c) => {
      const { limit, after, userId: given } = c.req.valid("query")
      const user = actingUser(c.get("auth"), given)
      const found = await control.store.callers.list({ userId: user, after, limit: limit + 1 })
      const page = found.slice(0, limit)
      const next = found.length > limit ? (page.at(-1)?.number ?? null) : null
      return c.json({ callers: page.map(view), next } satisfies z.infer<typeof CallerList>)
    },
  )

  app.get(
    "/v1/callers/:number",
    operation({
      id: "getCaller",
      tag: "Callers",
      summary: "Read what is known of a caller",
      params: CALLER_PARAMS,
      responses: { 200: { description: "The caller", schema: CallerView } },
      errors: [400, 403, 404],
    }),
    query(CallerQuery),
    async (c) => {
      const found = await control.store.callers.find(await callerIn(context, c, c.req.valid("query").userId))
      if (!found) throw unknownCaller()
      return c.json(view(found))
    },
  )

  app.patch(
    "/v1/callers/:number",
    operation({
      id: "changeCaller",
      tag: "Callers",
      summary: "Change what is known of a caller",
      description:
        "Fields that are left out stay; null removes one. A caller who is not known is added. Running calls with the number learn of it.",
      params: CALLER_PARAMS,
      responses: { 200: { description: "The caller after the change", schema: CallerView } },
      errors: [400, 403],
    }),
    query(CallerQuery),
    jsonBody(CallerPatch),
    async (c) => {
      const id = await callerIn(context, c, c.req.valid("query").userId)
      const { state, ...facts } = c.req.valid("json")
      const changed = await changeByApi(control, id, {
        ...facts,
        ...(state ? { state: { set: state } } : {}),
      })
      if (!changed) throw unknownCaller()
      return c.json(view(changed))
    },
  )

  app.delete(
    "/v1/callers/:number",
    operation({
      id: "eraseCaller",
      tag: "Callers",
      summary: "Forget a caller",
      description:
        "Deletes everything that is remembered of the number, with its consent and the tokens of its calls. Records of calls stay.",
      params: CALLER_PARAMS,
      responses: { 200: { description: "The caller is forgotten", schema: Erased } },
      errors: [400, 403, 404],
    }),
    query(CallerQuery),
    async (c) => {
      const id = await callerIn(context, c, c.req.valid("query").userId)
      if (!(await eraseCaller(control, id))) throw unknownCaller()
      return c.json({ number: id.number, erased: true } satisfies z.infer<typeof Erased>)
    },
  )

  return app
}

async function callerIn(
  { config: { defaultCountry } }: ServerContext,
  c: RequestContext,
  given: string | undefined,
): Promise<CallerId> {
  const user = actingUser(c.get("auth"), given)
  const number = await phoneNumber(c.req.param("number") ?? "", { field: "number", defaultCountry })
  return { userId: user, number }
}

function unknownCaller(): AppError {
  return new AppError("NOT_FOUND", "Nothing is known of this caller.")
}
