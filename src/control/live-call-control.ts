/** What a program or a person may do to a running conversation. */

import type { Call } from "../call/call.ts"
import type { AgentChange, AgentState, LiveCall } from "../call/live-calls.ts"
import { dialledNumber } from "../call/phone-number.ts"
import { AppError } from "../lib/errors.ts"
import { publish, type ControlContext } from "./context.ts"
import { requireTarget } from "./transfer.ts"

/** The conversation of a call. Throws CONFLICT when none is running, and for one whose last words are being said. */
export function liveCall({ liveCalls }: ControlContext, call: Call): LiveCall {
  const live = liveCalls.get(call.id)
  if (!live) throw new AppError("CONFLICT", "No conversation is running in this call.")
  if (live.isEnding) throw new AppError("CONFLICT", "The conversation of this call is ending.")
  return live
}

/** Changes context, tools, listen mode or silence detection during the call. History stays unless `reset`. */
export function changeAgent(context: ControlContext, call: Call, change: AgentChange): AgentState {
  const state = liveCall(context, call).change(change)
  publish(context, call, { type: "agent.changed", ...state })
  return state
}

/**
 * Transfers the caller to a person: ends the conversation, and the next step dials. Throws INVALID_REQUEST for an invalid
 * target and without one, FORBIDDEN for one that must not be dialled.
 */
export async function transferCall(
  context: ControlContext,
  call: Call,
  { to, summary, say }: { to?: string | undefined; summary: string; say?: string | undefined },
): Promise<void> {
  liveCall(context, call)
  const target = to === undefined ? undefined : await readTarget(context, to)
  await requireTarget(context, call, target)
  // The conversation may have ended meanwhile.
  const live = liveCall(context, call)
  live.wrapUp(say ?? "", { reason: "transfer", summary, ...(target === undefined ? {} : { to: target }) })
}

/** A target in its own form: a phone number may be written in any way. */
async function readTarget({ config }: ControlContext, to: string): Promise<string> {
  const isNumber = /\d/.test(to) && (!/^[a-z]+:/i.test(to) || /^tel:/i.test(to))
  if (!isNumber) return to
  const { defaultCountry } = config
  const { number, extension } = await dialledNumber(to, { field: "to", defaultCountry })
  return extension === undefined ? number : `${number};ext=${extension}`
}
