/** What a program or a person may do to a running conversation. */

import type { Call } from "../call/call.ts"
import type { AgentChange, AgentState, LiveCall } from "../call/live-calls.ts"
import { AppError } from "../lib/errors.ts"
import { agentOf, publish, type ControlContext } from "./context.ts"
import { requireTarget } from "./transfer.ts"

/** The conversation of a call. Throws CONFLICT when none is running. */
export function liveCall({ liveCalls }: ControlContext, call: Call): LiveCall {
  const live = liveCalls.get(call.id)
  if (!live) throw new AppError("CONFLICT", "No conversation is running in this call.")
  return live
}

/** Changes context, tools, listen mode or silence detection during the call. History stays unless `reset`. */
export function changeAgent(context: ControlContext, call: Call, change: AgentChange): AgentState {
  const state = liveCall(context, call).change(change)
  publish(context, call, { type: "agent.changed", ...state })
  return state
}

/** Transfers the caller to a person: ends the conversation, and the next step dials. Throws INVALID_REQUEST without a target. */
export function transferCall(
  context: ControlContext,
  call: Call,
  { to, summary, say }: { to?: string | undefined; summary: string; say?: string | undefined },
): void {
  const live = liveCall(context, call)
  requireTarget(context, agentOf(context, call), to)
  live.wrapUp(say ?? "", { reason: "transfer", summary, ...(to ? { to } : {}) })
}
