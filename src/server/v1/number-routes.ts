/** `/v1/numbers`: the account's phone numbers, and which agent answers them. */

import { zValidator } from "@hono/zod-validator"
import { Hono } from "hono"
import { z } from "zod"
import { AssetKey } from "../../assets/server-config.ts"
import { assignNumber, listNumbers, NumberSid, type NumberContext } from "../../control/numbers.ts"
import { requireUnbound } from "./asset-routes.ts"
import type { Env, ServerContext } from "../context.ts"
import { invalidRequest, refuseInvalid } from "../errors.ts"
import type { Operation } from "./operation.ts"

const NumberView = z
  .object({
    sid: z.string(),
    phoneNumber: z.string(),
    friendlyName: z.string(),
    voiceUrl: z
      .string()
      .nullable()
      .describe("Asked about incoming calls, unless application or trunk are set"),
    voiceApplicationSid: z.string().nullable(),
    trunkSid: z.string().nullable(),
    agent: z.string().describe("Key of the agent that answers here"),
    pointsHere: z.boolean().describe("Whether Twilio asks this server about calls to it"),
  })
  .meta({ id: "Number" })

const ListNumbersQuery = z.object({ limit: z.coerce.number().int().min(1).max(1000).default(100) })

const NumberAgentBody = z
  .strictObject({
    agent: AssetKey.describe("Key of an agent"),
    pointHere: z
      .boolean()
      .default(false)
      .describe("Also sets the number's addresses at Twilio to this server"),
  })
  .meta({ id: "NumberAgent" })

/** To be mounted under `/v1/numbers`, behind the check of the key. */
export function numberRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()

  app.get("/", zValidator("query", ListNumbersQuery, refuseInvalid("query")), async (c) => {
    const numbers = await listNumbers(numberContext(context), c.req.valid("query").limit)
    return c.json({ numbers })
  })

  app.put(
    "/:sid/agent",
    requireUnbound,
    zValidator("json", NumberAgentBody, refuseInvalid("body")),
    async (c) => {
      const sid = NumberSid.safeParse(c.req.param("sid"))
      if (!sid.success) throw invalidRequest(sid.error, "sid")
      return c.json(await assignNumber(numberContext(context), { sid: sid.data, ...c.req.valid("json") }))
    },
  )

  return app
}

export function numberContext({ config, control, library }: ServerContext): NumberContext {
  const { twilio, assets } = control
  return { twilio, assets, library, publicUrl: config.publicUrl }
}

/** For the description of the API. */
export const NUMBER_OPERATIONS: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/numbers",
    summary: "List the account's phone numbers and the agents that answer them",
    query: ListNumbersQuery,
    status: 200,
    answer: z.object({ numbers: z.array(NumberView) }),
    errors: [400, 502, 503],
  },
  {
    method: "put",
    path: "/v1/numbers/{sid}/agent",
    summary: "Give a number to an agent, and lead it to this server",
    body: NumberAgentBody,
    status: 200,
    answer: NumberView,
    errors: [403, 404, 409, 502, 503],
  },
]
