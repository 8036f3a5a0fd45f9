/** `/v1/calls/:sid/…`: what may be done to a call while its conversation runs. */

import { zValidator } from "@hono/zod-validator"
import { Hono } from "hono"
import { z } from "zod"
import { changeAgent, liveCall, transferCall } from "../../control/live-call-control.ts"
import type { Env, ServerContext } from "../context.ts"
import { refuseInvalid } from "../errors.ts"
import { findCall } from "./find-call.ts"

const Key = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, "must be letters, digits, _ and -")

export const SayBody = z
  .strictObject({ text: z.string().trim().min(1).max(4000).describe("Spoken to the caller as it is") })
  .meta({ id: "Say" })

export const MessageBody = z
  .union([
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
  ])
  .meta({ id: "Message" })

export const TransferBody = z
  .strictObject({
    to: z
      .string()
      .max(300)
      .optional()
      .describe("Number, sip:…, queue:… or workflow:…; default: the agent's target"),
    summary: z.string().max(4000).default("").describe("What the person who takes over is told"),
    say: z.string().max(1000).optional().describe("Said to the caller before"),
  })
  .meta({ id: "Transfer" })

export const AgentBody = z
  .strictObject({
    contextKey: Key.optional(),
    manifestKey: Key.optional(),
    listenMode: z.boolean().optional(),
    silenceDetection: z.boolean().optional(),
    reset: z.boolean().optional().describe("Forget what was said before; the transcript keeps it"),
  })
  .refine((body) => Object.keys(body).length > 0, "must name what is to change")
  .meta({ id: "AgentChange" })

export const AgentStateView = z
  .object({
    contextKey: z.string(),
    manifestKey: z.string(),
    listenMode: z.boolean(),
    silenceDetection: z.boolean(),
  })
  .meta({ id: "AgentState" })

export const Accepted = z.object({ accepted: z.literal(true) }).meta({ id: "Accepted" })

const ACCEPTED: z.infer<typeof Accepted> = { accepted: true }

export function steerRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context

  app.post("/:sid/say", zValidator("json", SayBody, refuseInvalid("body")), (c) => {
    liveCall(control, findCall(context, c)).say(c.req.valid("json").text)
    return c.json(ACCEPTED, 202)
  })

  app.post("/:sid/messages", zValidator("json", MessageBody, refuseInvalid("body")), (c) => {
    const live = liveCall(control, findCall(context, c))
    const body = c.req.valid("json")
    if ("frame" in body) live.sendFrame(body.frame)
    else live.insert(body)
    return c.json(ACCEPTED, 202)
  })

  app.post("/:sid/transfer", zValidator("json", TransferBody, refuseInvalid("body")), (c) => {
    transferCall(control, findCall(context, c), c.req.valid("json"))
    return c.json(ACCEPTED, 202)
  })

  app.patch("/:sid/agent", zValidator("json", AgentBody, refuseInvalid("body")), (c) => {
    const state: z.infer<typeof AgentStateView> = changeAgent(
      control,
      findCall(context, c),
      c.req.valid("json"),
    )
    return c.json(state)
  })

  return app
}
