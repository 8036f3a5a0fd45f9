/** `/v1/numbers`: the account's phone numbers, and which agent answers them. */

import { Hono } from "hono"
import { z } from "zod"
import { AnsweredBy } from "../../assets/server-config.ts"
import { assignNumber, listNumbers, NumberSid, type NumberContext } from "../../control/numbers.ts"
import type { Env, ServerContext } from "../context.ts"
import { invalidRequest } from "../errors.ts"
import { jsonBody, named, operation, query, withExamples } from "../openapi/operation.ts"
import { requireUnbound } from "./unbound.ts"

const NUMBER_EXAMPLE = {
  sid: "PN11111111111111111111111111111111",
  phoneNumber: "+15550100002",
  friendlyName: "Main line",
  voiceUrl: "https://voice.example.com/twilio/voice#ct=2000&rt=5000&rc=5&rp=all",
  voiceApplicationSid: null,
  trunkSid: null,
  agent: "default",
  menu: null,
  pointsHere: true,
}

const NumberView = named(
  "Number",
  z.object({
    sid: z.string(),
    phoneNumber: z.string(),
    friendlyName: z.string(),
    voiceUrl: z
      .string()
      .nullable()
      .describe("Webhook of incoming calls, unless an application or a trunk is set"),
    voiceApplicationSid: z.string().nullable(),
    trunkSid: z.string().nullable(),
    agent: z.string().describe("Key of the agent that answers calls to this number"),
    menu: z.string().nullable().describe("Key of the menu that they begin with; null: with the agent"),
    pointsHere: z.boolean().describe("Whether Twilio asks this server about calls to it"),
  }),
  NUMBER_EXAMPLE,
)

const NumberList = withExamples(z.object({ numbers: z.array(NumberView) }), { numbers: [NUMBER_EXAMPLE] })

const ListNumbersQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe("Most numbers that are listed"),
})

const NumberAgentBody = named(
  "NumberAgent",
  z.strictObject({
    agent: AnsweredBy.describe("Key of an agent, or menu: and the key of a menu"),
    pointHere: z
      .boolean()
      .default(false)
      .describe("Also sets the number's webhooks at Twilio to this server"),
  }),
  { agent: "default", pointHere: true },
)

export function numberRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()

  app.get(
    "/v1/numbers",
    operation({
      id: "listNumbers",
      tag: "Numbers",
      summary: "List the account's phone numbers and the agents that answer them",
      responses: { 200: { description: "The numbers", schema: NumberList } },
      errors: [502],
    }),
    query(ListNumbersQuery),
    async (c) => {
      const numbers = await listNumbers(numberContext(context), c.req.valid("query").limit)
      return c.json({ numbers })
    },
  )

  app.put(
    "/v1/numbers/:sid/agent",
    operation({
      id: "assignNumber",
      tag: "Numbers",
      summary: "Assign a number to an agent, and optionally point it at this server",
      params: {
        sid: {
          description: "Twilio's SID of the phone number",
          example: "PN11111111111111111111111111111111",
        },
      },
      responses: { 200: { description: "The number after the change", schema: NumberView } },
      errors: [404, 409, 502],
    }),
    requireUnbound,
    jsonBody(NumberAgentBody),
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
