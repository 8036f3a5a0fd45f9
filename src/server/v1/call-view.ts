/** A call as the REST API shows it. */

import { z } from "zod"
import { durationOf, type Call } from "../../call/call.ts"
import { ENGINES } from "../../call/engine.ts"
import { CallStatus } from "../../call/status.ts"
import { webhookStatuses } from "../../jobs/webhook.ts"
import type { ServerContext } from "../context.ts"
import { named } from "../openapi/operation.ts"
import { CALL_SID } from "./find-call.ts"
import { isoOf } from "./time.ts"

const time = z.iso.datetime().nullable()

export const CALL_EXAMPLE = {
  callSid: CALL_SID,
  id: "01a1fa76-d0a9-7164-84bd-294cf38574ea",
  direction: "outbound" as const,
  status: "completed" as const,
  from: "+15550100002",
  to: "+15550100001",
  agent: "default",
  engine: "relay" as const,
  parameters: { firstname: "Anna", callReference: "order-1042" },
  userId: null,
  createdAt: "2026-11-20T19:37:33.097Z",
  answeredAt: "2026-11-20T19:37:33.111Z",
  endedAt: "2026-11-20T19:37:44.380Z",
  durationSeconds: 11,
  endedBy: "agent" as const,
  endReason: "Ending the call",
  resumes: 0,
  verifiedNumber: null,
  ivrState: null,
  live: false,
  webhook: "delivered" as const,
}

export const CallView = named(
  "Call",
  z.object({
    callSid: z.string().nullable().describe("Twilio's SID; null until Twilio has answered"),
    id: z.string().describe("Parley's own id, known before the SID"),
    direction: z.enum(["inbound", "outbound"]),
    status: CallStatus,
    from: z.string(),
    to: z.string(),
    agent: z.string().describe("Key of the agent"),
    engine: z.enum(ENGINES),
    parameters: z.record(z.string(), z.string()),
    userId: z.string().nullable().describe("User the call belongs to"),
    createdAt: z.iso.datetime(),
    answeredAt: time,
    endedAt: time,
    durationSeconds: z.number().nullable(),
    endedBy: z.enum(["caller", "agent", "api", "limit", "silence", "system"]).nullable(),
    endReason: z.string().nullable(),
    resumes: z.number().int().describe("How often the conversation was resumed after a lost socket"),
    verifiedNumber: z
      .string()
      .nullable()
      .describe("The caller's number, once a menu has checked it and the caller has confirmed it"),
    ivrState: z
      .enum(["navigating", "human-reached", "gave-up"])
      .nullable()
      .describe("How far the call has come in the phone menu of the called party; null without one"),
    live: z.boolean().describe("Whether a conversation is running now"),
    webhook: z
      .enum(["pending", "delivered", "failed"])
      .nullable()
      .describe("Delivery to WEBHOOK_URL; null when none is due"),
  }),
  CALL_EXAMPLE,
)
export type CallView = z.infer<typeof CallView>

export async function viewsOf(
  { liveCalls, control }: ServerContext,
  calls: readonly Call[],
): Promise<CallView[]> {
  const webhookOf = await webhookStatuses(control.store, calls)
  return calls.map((call) => callView(call, liveCalls.get(call.id) !== undefined, webhookOf(call)))
}

export async function viewOf({ liveCalls, control }: ServerContext, call: Call): Promise<CallView> {
  const webhookOf = await webhookStatuses(control.store, [call])
  return callView(call, liveCalls.get(call.id) !== undefined, webhookOf(call))
}

export function callView(call: Call, live: boolean, webhook: CallView["webhook"] = null): CallView {
  const { id, sid, direction, status, from, to, agent, engine, parameters, userId, resumes } = call
  const { verifiedNumber, endedBy, endReason, ivrState } = call
  return {
    callSid: sid,
    id,
    direction,
    status,
    from,
    to,
    agent,
    engine,
    parameters,
    userId,
    createdAt: new Date(call.createdAt).toISOString(),
    answeredAt: isoOf(call.answeredAt),
    endedAt: isoOf(call.endedAt),
    durationSeconds: durationOf(call),
    endedBy,
    endReason,
    resumes,
    verifiedNumber,
    ivrState,
    live,
    webhook,
  }
}
