/** `/v1/calls/:sid/outcome`, `/webhook` and `/usage`: the outcome of a call, its delivery, and its cost. */

import { Hono } from "hono"
import { z } from "zod"
import type { Call } from "../../call/call.ts"
import { USAGE_KINDS, type Usage } from "../../call/usage.ts"
import { twilioPriceOf, usageOf } from "../../control/usage.ts"
import { countMessage } from "../../control/quotas.ts"
import { extractAgain, toOutcome } from "../../jobs/outcome.ts"
import { deliverAgain } from "../../jobs/webhook.ts"
import type { Env, ServerContext } from "../context.ts"
import { CALL_ERRORS, CALL_PARAMS, CALL_SID, findCall } from "./find-call.ts"
import { named, operation } from "../openapi/operation.ts"

const OutcomeView = named(
  "Outcome",
  z.object({
    status: z.enum(["none", "pending", "done", "failed"]),
    data: z.unknown().describe("JSON of the agent's schema; null unless done"),
    error: z.string().nullable(),
  }),
  {
    status: "done",
    data: { day: "2026-11-21", guests: 4, summary: "Books a table for four." },
    error: null,
  },
)

const WebhookView = named("WebhookDelivery", z.object({ webhook: z.literal("pending") }), {
  webhook: "pending",
})

const UsageView = named(
  "Usage",
  z.object({
    callSid: z.string().nullable(),
    usage: z.array(
      z.object({
        kind: z.enum(USAGE_KINDS),
        model: z.string(),
        amounts: z
          .record(z.string(), z.number())
          .describe("Tokens, seconds, started minutes and characters by name"),
        cost: z.number().nullable().describe("US dollars, an estimate; null where no price is known"),
      }),
    ),
    costUsd: z.number().nullable().describe("Sum of the known costs; null where none is known"),
    twilioPrice: z
      .object({ amount: z.number(), currency: z.string() })
      .nullable()
      .describe("What Twilio charges for the connection (`carrier`); null until it has rated the call"),
  }),
  {
    callSid: CALL_SID,
    usage: [
      {
        kind: "chat",
        model: "openai:gpt-6-luna",
        amounts: { replies: 6, inputTokens: 5120, cachedTokens: 3072, outputTokens: 214 },
        cost: 0.00034252,
      },
      {
        kind: "carrier",
        model: "twilio:voice-outbound",
        amounts: { seconds: 71, minutes: 2 },
        cost: 0.028,
      },
    ],
    costUsd: 0.02834252,
    twilioPrice: { amount: 0.028, currency: "USD" },
  },
)

export function resultRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context

  app.get(
    "/v1/calls/:sid/outcome",
    operation({
      id: "getOutcome",
      tag: "Results",
      summary: "Read what was learned in the call",
      params: CALL_PARAMS,
      responses: { 200: { description: "The outcome, or why there is none", schema: OutcomeView } },
      errors: CALL_ERRORS,
    }),
    async (c) => {
      const { id } = await findCall(context, c)
      return c.json(toOutcome(await control.store.outcomes.of(id)))
    },
  )

  app.post(
    "/v1/calls/:sid/outcome",
    operation({
      id: "extractOutcome",
      tag: "Results",
      summary: "Extract the outcome again",
      description: "Uses the schema that the agent has now. No webhook is sent for it.",
      params: CALL_PARAMS,
      responses: { 202: { description: "The extraction is scheduled", schema: OutcomeView } },
      errors: [...CALL_ERRORS, 409],
    }),
    async (c) => {
      const call = await findCall(context, c)
      await countMessage(control, c.get("auth").userId)
      return c.json(await extractAgain(control, call), 202)
    },
  )

  app.post(
    "/v1/calls/:sid/webhook",
    operation({
      id: "deliverWebhook",
      tag: "Results",
      summary: "Deliver the webhook of the call again",
      description:
        "Restarts the delivery to `WEBHOOK_URL` with all its attempts, also after a success or a failure. Its id stays the same.",
      params: CALL_PARAMS,
      responses: { 202: { description: "The delivery is scheduled", schema: WebhookView } },
      errors: [...CALL_ERRORS, 409],
    }),
    async (c) => {
      const call = await findCall(context, c)
      await countMessage(control, c.get("auth").userId)
      await deliverAgain(control, call)
      return c.json({ webhook: "pending" } satisfies z.infer<typeof WebhookView>, 202)
    },
  )

  app.get(
    "/v1/calls/:sid/usage",
    operation({
      id: "getUsage",
      tag: "Results",
      summary: "Read what the call used, and the estimated cost",
      params: CALL_PARAMS,
      responses: { 200: { description: "Usage by kind and model", schema: UsageView } },
      errors: CALL_ERRORS,
    }),
    async (c) => {
      const call = await findCall(context, c)
      const [usage, twilioPrice] = await Promise.all([usageOf(control, call), twilioPriceOf(control, call)])
      return c.json({ ...usageView(call, usage), twilioPrice })
    },
  )

  return app
}

function usageView(call: Call, usage: readonly Usage[]): Omit<z.infer<typeof UsageView>, "twilioPrice"> {
  const costs = usage.flatMap(({ cost }) => cost ?? [])
  return {
    callSid: call.sid,
    usage: [...usage],
    costUsd: costs.length === 0 ? null : sumOf(costs),
  }
}

/** Rounded where binary fractions differ from decimal ones: 0.0085 + 0.07 is 0.0785. */
function sumOf(costs: readonly number[]): number {
  return Number(costs.reduce((sum, cost) => sum + cost, 0).toFixed(12))
}
