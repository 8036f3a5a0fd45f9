/** `/v1/calls/:sid/outcome`: what was learned in a call. */

import { Hono } from "hono"
import { z } from "zod"
import { extractAgain } from "../../jobs/schedule.ts"
import { toOutcome } from "../../jobs/outcome.ts"
import type { Env, ServerContext } from "../context.ts"
import { findCall } from "./find-call.ts"
import type { Operation } from "./operation.ts"

const OutcomeView = z
  .object({
    status: z.enum(["none", "pending", "done", "failed"]),
    data: z.unknown().describe("JSON of the agent's schema; null unless done"),
    error: z.string().nullable(),
  })
  .meta({ id: "Outcome" })

export const OUTCOME_OPERATIONS: readonly Operation[] = [
  {
    method: "get",
    path: "/v1/calls/{sid}/outcome",
    summary: "What was learned in the call",
    status: 200,
    answer: OutcomeView,
    errors: [400, 403, 404],
  },
  {
    method: "post",
    path: "/v1/calls/{sid}/outcome",
    summary: "Extract the outcome again",
    status: 202,
    answer: OutcomeView,
    errors: [400, 403, 404, 409],
  },
]

export function outcomeRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context
  app.get("/:sid/outcome", (c) => c.json(toOutcome(control.store.outcomes.of(findCall(context, c).id))))
  app.post("/:sid/outcome", (c) => c.json(extractAgain(control, findCall(context, c)), 202))
  return app
}
