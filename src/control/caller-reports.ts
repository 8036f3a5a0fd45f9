/** Reports about a caller: consent, a login, information that was sent. They are stored, and change the role of running calls. */

import type { Agent } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import type { Caller, CallerEventKind, CallerId, CallerSource, CallerState } from "../call/caller.ts"
import type { CallId } from "../call/ids.ts"
import { messageOf } from "../lib/errors.ts"
import type { CustomerFacts } from "../customer-api/customer-api.ts"
import { callerIdOf, callerKey, dependsOnState, withName, profileOf, stateNow } from "./caller-profile.ts"
import { agentOf, publish, type ControlContext } from "./context.ts"
import { changeAgent } from "./live-call-control.ts"

export type CallerReport = CustomerFacts & {
  id: CallerId
  event: CallerEventKind
  source: CallerSource
  /** The only call that learns of it. Default: every running call with the number. */
  callId?: CallId | undefined
}

export type ReportedCaller = { caller: Caller; state: CallerState; liveCalls: number }

/** Stores a report and informs the running calls. Rejects when the store fails. */
export async function reportCaller(context: ControlContext, report: CallerReport): Promise<ReportedCaller> {
  const { id, event, source, callId, name, language, knowledge } = report
  const { store, sweep, config, callerQueue } = context
  return callerQueue.run(callerKey(id), async () => {
    const caller = await store.callers.change({
      ...id,
      change: { state: { event }, name, language, knowledge },
      source,
      at: sweep.clock.now(),
      create: { most: config.limits.maxCallers },
    })
    if (!caller) throw new Error("a caller that is to be created was not")
    const liveCalls = await applyToCalls(context, { id, caller, callId, report: { event, source } })
    return { caller, state: stateNow(context, caller), liveCalls }
  })
}

export type ApplyToCalls = {
  id: CallerId
  /** Undefined: nothing is known any more. */
  caller: Caller | undefined
  callId?: CallId | undefined
  /** Published with each call. Sentences are said for what was reported, not for what was set. */
  report?: { event: CallerEventKind | "set"; source: CallerSource } | undefined
}

/** Gives running calls the role for the caller as known now. Resolves to how many there were. */
export async function applyToCalls(context: ControlContext, options: ApplyToCalls): Promise<number> {
  const { id, caller, callId, report } = options
  const { store, liveCalls, log } = context
  if (liveCalls.size === 0) return 0
  const open = callId === undefined ? await store.calls.open() : [await store.calls.byId(callId)]
  const running = open.filter((call) => call !== undefined).filter((call) => isRunningWith(context, call, id))
  for (const call of running) {
    try {
      applyTo(context, call, { caller, report })
    } catch (error) {
      log.error("the role for a caller cannot be used", { callSid: call.sid, error: messageOf(error) })
    }
  }
  return running.length
}

/** Gives one running call the role for its caller, and says the sentence that belongs to the report. */
export function applyTo(
  context: ControlContext,
  call: Call,
  { caller, report }: Pick<ApplyToCalls, "caller" | "report">,
): void {
  const state = stateNow(context, caller)
  if (report)
    publish(context, call, { type: "caller.changed", report: report.event, state, source: report.source })
  const agent = agentOf(context, call)
  const { contextKey, manifestKey, about } = profileOf(context, { agent, call, caller, state })
  const isStateful = dependsOnState(context, agent, call)
  const sentence = isStateful && report ? sentenceFor(agent, report.event, state) : undefined
  changeAgent(context, call, {
    ...(isStateful ? { contextKey, manifestKey } : {}),
    caller: { about },
    reset: isStateful && report !== undefined && report.event !== "asked" && agent.callers.reset,
  })
  if (sentence) context.liveCalls.get(call.id)?.say(withName(sentence, caller))
}

function isRunningWith({ liveCalls }: ControlContext, call: Call, { userId, number }: CallerId): boolean {
  if (!liveCalls.get(call.id)) return false
  const id = callerIdOf(call)
  return id?.number === number && id.userId === userId
}

function sentenceFor(
  { callers: { roles, phrases } }: Agent,
  event: CallerEventKind | "set",
  state: CallerState,
): string | undefined {
  switch (event) {
    case "consent":
      return phrases.consentGiven
    case "login":
      return roles[state].greeting
    case "info-sent":
      return phrases.infoSent
    case "asked":
    case "set":
      return undefined
    default:
      return event satisfies never
  }
}
