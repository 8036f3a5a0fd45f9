/** `/v1/calls`: place, list, read and end calls; what was said in them and what happened. */

import { zValidator } from "@hono/zod-validator"
import { Hono } from "hono"
import { z } from "zod"
import type { Call } from "../../call/call.ts"
import { AVAILABLE_ENGINES } from "../../call/engine.ts"
import { CallStatus } from "../../call/status.ts"
import { endCall } from "../../control/end-call.ts"
import { placeCall } from "../../control/place-call.ts"
import { usageOf } from "../../control/usage.ts"
import { webhookStatus } from "../../jobs/webhook.ts"
import { AppError } from "../../lib/errors.ts"
import { callView, eventView, transcriptText, transcriptView, usageView } from "./call-views.ts"
import type { Env, ServerContext } from "../context.ts"
import { refuseInvalid } from "../errors.ts"
import { findCall } from "./find-call.ts"
import { actingUser } from "../auth.ts"

/** Twilio takes parameters as text; numbers and truth values are written as text. */
export const Parameters = z
  .record(
    z.string().min(1).max(64),
    z.union([z.string().max(4000), z.number(), z.boolean()]).transform((value) => String(value)),
  )
  .refine((given) => Object.keys(given).length <= 100, "must have at most 100 fields")
  .default({})

export const PlaceCallBody = z
  .strictObject({
    to: z
      .string()
      .min(1)
      .max(64)
      .describe("Number to call, in E.164 form; national form with DEFAULT_COUNTRY"),
    from: z.string().min(1).max(64).optional().describe("One of the account's numbers"),
    agent: z.string().min(1).max(64).optional().describe("Key of an agent; default: the agent of `from`"),
    engine: z
      .enum(AVAILABLE_ENGINES)
      .optional()
      .describe("How the call is talked; default: as its agent says"),
    parameters: Parameters.describe("Free fields, shown to the model and usable as {placeholders}"),
    prompt: z
      .string()
      .min(1)
      .max(100_000)
      .optional()
      .describe("Instructions for this call, in place of the context"),
    firstMessage: z.string().max(4000).optional().describe("First words, in place of the greeting"),
    first_message: z.string().max(4000).optional().describe("Another name of firstMessage"),
    contextKey: z.string().max(128).optional(),
    manifestKey: z.string().max(128).optional(),
    timeoutSeconds: z.number().int().min(5).max(600).optional().describe("Longest ringing; default 60"),
    userId: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe("User the call belongs to; a bound key has its own"),
  })
  .meta({ id: "PlaceCall" })

export const ListCallsQuery = z.object({
  status: CallStatus.optional(),
  direction: z.enum(["inbound", "outbound"]).optional(),
  agent: z.string().max(64).optional(),
  to: z.string().max(64).optional(),
  from: z.string().max(64).optional(),
  userId: z.string().max(128).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(256).optional(),
})

export const TranscriptQuery = z.object({ format: z.enum(["json", "text"]).default("json") })

export const EventsQuery = z.object({
  afterId: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(500),
})

const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 printable characters without blanks")
  .optional()

export function callRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context
  const { store } = control

  app.post("/", zValidator("json", PlaceCallBody, refuseInvalid("body")), async (c) => {
    const {
      userId,
      contextKey,
      manifestKey,
      first_message,
      firstMessage = first_message,
      ...body
    } = c.req.valid("json")
    const key = IdempotencyKey.safeParse(c.req.header("idempotency-key"))
    if (!key.success)
      throw new AppError("INVALID_REQUEST", "Idempotency-Key must be 1 to 255 printable characters.")
    const { call, repeated } = await placeCall(control, {
      ...body,
      firstMessage,
      parameters: {
        ...body.parameters,
        ...(contextKey === undefined ? {} : { contextKey }),
        ...(manifestKey === undefined ? {} : { manifestKey }),
      },
      userId: actingUser(c.get("auth"), userId),
      idempotencyKey: key.data,
    })
    if (repeated) c.header("Idempotency-Replayed", "true")
    c.header("Location", `/v1/calls/${call.sid ?? call.id}`)
    return c.json(view(context, call), 201)
  })

  app.get("/", zValidator("query", ListCallsQuery, refuseInvalid("query")), (c) => {
    const { userId, ...filter } = c.req.valid("query")
    const user = actingUser(c.get("auth"), userId)
    const { calls, nextCursor } = store.calls.list({ ...filter, userId: user ?? undefined })
    return c.json({ calls: calls.map((call) => view(context, call)), nextCursor })
  })

  app.get("/:sid", (c) => c.json(view(context, findCall(context, c))))

  app.post("/:sid/end", async (c) => {
    const call = findCall(context, c)
    await endCall(control, call)
    return c.json(view(context, store.calls.byId(call.id) ?? call))
  })

  app.get("/:sid/transcript", zValidator("query", TranscriptQuery, refuseInvalid("query")), (c) => {
    const call = findCall(context, c)
    const turns = store.transcripts.of(call.id)
    // Without a status Hono leaves the type of a text to Bun, and it gets lost.
    return c.req.valid("query").format === "text"
      ? c.text(transcriptText(turns), 200)
      : c.json(transcriptView(call, turns))
  })

  app.get("/:sid/usage", (c) => {
    const call = findCall(context, c)
    return c.json(usageView(call, usageOf(context.control, call)))
  })

  app.get("/:sid/events", zValidator("query", EventsQuery, refuseInvalid("query")), (c) => {
    const call = findCall(context, c)
    const { afterId, limit } = c.req.valid("query")
    const events = store.events.of(call.id, { limit, ...(afterId === undefined ? {} : { afterId }) })
    const last = events.length === limit ? (events.at(-1)?.id ?? null) : null
    return c.json({ events: events.map(eventView), nextAfterId: last })
  })

  return app
}

function view({ liveCalls, control }: ServerContext, call: Call) {
  return callView(call, liveCalls.get(call.id) !== undefined, webhookStatus(control.store, call))
}
