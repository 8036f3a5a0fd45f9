/** `/v1/calls/:sid/…`: change a call while its conversation runs. */

import { Hono } from "hono"
import { z } from "zod"
import { changeAgent, liveCall, transferCall } from "../../control/live-call-control.ts"
import { countMessage } from "../../control/quotas.ts"
import type { Env, ServerContext } from "../context.ts"
import { CALL_ERRORS, CALL_PARAMS, findCall } from "./find-call.ts"
import { jsonBody, named, operation, type Operation } from "../openapi/operation.ts"

const Key = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "must be letters, digits, _ and -")

const SayBody = named(
  "Say",
  z.strictObject({ text: z.string().trim().min(1).max(4000).describe("Spoken to the caller as it is") }),
  { text: "One moment, I am connecting you with a colleague." },
)

const MessageBody = named(
  "Message",
  z.union([
    z.strictObject({
      role: z.enum(["user", "system", "assistant"]).default("system"),
      text: z.string().trim().min(1).max(20_000),
      respond: z.boolean().default(false).describe("Whether the agent answers it at once"),
    }),
    z.strictObject({
      frame: z
        .looseObject({ type: z.string() })
        .describe("A frame of the engine: text, play, sendDigits, language, end"),
    }),
  ]),
  { role: "system", text: "The order has been shipped.", respond: true },
  { frame: { type: "sendDigits", digits: "1" } },
)

const TransferBody = named(
  "Transfer",
  z.strictObject({
    to: z
      .string()
      .max(300)
      .optional()
      .describe("Number, sip:…, queue:… or workflow:…; default: the agent's target"),
    summary: z.string().max(4000).default("").describe("Spoken to the person who takes the call"),
    say: z.string().max(1000).optional().describe("Spoken to the caller before the transfer"),
  }),
  { to: "+15550100009", summary: "Wants to change an order.", say: "I am putting you through." },
)

const AgentBody = named(
  "AgentChange",
  z
    .strictObject({
      contextKey: Key.optional().describe("Another context"),
      manifestKey: Key.optional().describe("Another tool manifest"),
      listenMode: z.boolean().optional().describe("`true`: the agent listens and works without speaking"),
      silenceDetection: z.boolean().optional().describe("Whether a silent caller is reminded"),
      reset: z.boolean().optional().describe("`true`: clears the model's history; the transcript stays"),
    })
    .refine((body) => Object.keys(body).length > 0, "must name what is to change"),
  { contextKey: "defaultContext", silenceDetection: true },
)

const AgentStateView = named(
  "AgentState",
  z.object({
    contextKey: z.string(),
    manifestKey: z.string(),
    listenMode: z.boolean(),
    silenceDetection: z.boolean(),
  }),
  {
    contextKey: "defaultContext",
    manifestKey: "defaultToolManifest",
    listenMode: false,
    silenceDetection: true,
  },
)

const Accepted = named("Accepted", z.object({ accepted: z.literal(true) }), { accepted: true })

const ACCEPTED: z.infer<typeof Accepted> = { accepted: true }

const LIVE = {
  tag: "Live calls",
  params: CALL_PARAMS,
  responses: { 202: { description: "Accepted; it happens in the running conversation", schema: Accepted } },
  errors: [...CALL_ERRORS, 409],
} satisfies Partial<Operation>

export function liveCallRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context

  app.post(
    "/v1/calls/:sid/say",
    operation({ ...LIVE, id: "sayInCall", summary: "Speak a sentence to the caller" }),
    jsonBody(SayBody),
    async (c) => {
      liveCall(control, await findCall(context, c)).say(c.req.valid("json").text)
      return c.json(ACCEPTED, 202)
    },
  )

  app.post(
    "/v1/calls/:sid/messages",
    operation({
      ...LIVE,
      id: "addCallMessage",
      summary: "Add a message to the conversation, or send a frame of the engine",
    }),
    jsonBody(MessageBody),
    async (c) => {
      const call = await findCall(context, c)
      const body = c.req.valid("json")
      if (!("frame" in body) && body.respond) {
        liveCall(control, call)
        await countMessage(control, c.get("auth").userId)
      }
      const live = liveCall(control, call)
      if ("frame" in body) live.sendFrame(body.frame)
      else live.insert(body)
      return c.json(ACCEPTED, 202)
    },
  )

  app.post(
    "/v1/calls/:sid/transfer",
    operation({ ...LIVE, id: "transferCall", summary: "Transfer the caller to a person" }),
    jsonBody(TransferBody),
    async (c) => {
      await transferCall(control, await findCall(context, c), c.req.valid("json"))
      return c.json(ACCEPTED, 202)
    },
  )

  app.patch(
    "/v1/calls/:sid/agent",
    operation({
      ...LIVE,
      id: "changeCallAgent",
      summary: "Change context, tools, listen mode or silence detection",
      description: "Fields that are left out stay. The history stays too, unless `reset` is true.",
      responses: { 200: { description: "The state after the change", schema: AgentStateView } },
    }),
    jsonBody(AgentBody),
    async (c) => {
      const state: z.infer<typeof AgentStateView> = changeAgent(
        control,
        await findCall(context, c),
        c.req.valid("json"),
      )
      return c.json(state)
    },
  )

  return app
}
