/** Turns the state of a call in its menus into the next step of the call. The same state gives the same step. */

import type { Call } from "../call/call.ts"
import type { MenuState } from "../call/menu-state.ts"
import type { NextStep } from "../call/next-step.ts"
import type { Agent } from "../assets/agent.ts"
import { connectToEngine } from "../control/connect.ts"
import { agentOf, publish, type ControlContext } from "../control/context.ts"
import { endCall } from "../control/report-status.ts"
import { beginTransfer } from "../control/transfer.ts"
import { webhookUrl } from "../twilio/webhook-url.ts"

/** Sockets of the earlier system. */
const EARLIER_SOCKETS = "/media-stream"

/** A state as it is stored. */
export type Revised = { state: MenuState; revision: number }

/** May be carried out again after a crash: tokens replace each other, and a transfer or an end happens once. */
export async function carryOut(context: ControlContext, call: Call, at: Revised): Promise<NextStep> {
  const { state, revision } = at
  const { action, prompts } = state
  const verified = await storeVerified(context, call, state)
  switch (action.kind) {
    case "ask": {
      const { kind: _, ...question } = action
      return { kind: "gather", prompts, actionUrl: actionUrl(context, at), ...question }
    }
    case "record": {
      const { kind: _, ...recording } = action
      const search = new URLSearchParams({ call: call.id, menu: state.menu, step: state.step })
      const recordingUrl = webhookUrl(context.publicUrl(), `/twilio/recording?${search.toString()}`)
      return { kind: "record", prompts, actionUrl: actionUrl(context, at), recordingUrl, ...recording }
    }
    case "agent":
      return after(prompts, await connect(context, verified, { state, agent: action.agent }))
    case "transfer": {
      const summary = summaryOf(state)
      return after(
        prompts,
        await beginTransfer(context, verified, { summary, to: action.to, namedBy: "settings" }),
      )
    }
    case "hang-up":
      await endCall(context, verified, { by: "agent", reason: action.reason })
      return after(prompts, { kind: "hang-up" })
    default:
      return action satisfies never
  }

  function actionUrl(
    { publicUrl }: ControlContext,
    { state: { paths, menu, step, phase } }: Revised,
  ): string {
    const isEarlier = paths === "earlier-system" && action.kind === "ask"
    const earlier = phase === "confirm" ? "/confirm-number" : "/validate-number"
    const path = isEarlier ? earlier : `/twilio/menus/${menu}/${step}`
    // The revision is another one for each step: no two steps of a call share a signature.
    return webhookUrl(publicUrl(), `${path}?n=${revision}`)
  }
}

function after(prompts: MenuState["prompts"], then: NextStep): NextStep {
  return prompts.length === 0 ? then : { kind: "prompt", prompts, then }
}

async function storeVerified(context: ControlContext, call: Call, state: MenuState): Promise<Call> {
  const { verifiedNumber } = state
  if (verifiedNumber === null || verifiedNumber === call.verifiedNumber) return call
  await context.store.calls.setVerifiedNumber(call.id, verifiedNumber)
  publish(context, call, { type: "caller.verified", number: verifiedNumber })
  return { ...call, verifiedNumber }
}

/** Connects to an agent: what the caller entered becomes parameters of the call. */
async function connect(
  context: ControlContext,
  call: Call,
  { state, agent: key }: { state: MenuState; agent: string | null },
): Promise<NextStep> {
  const isEarlier = state.paths === "earlier-system"
  const agent = key === null ? agentOf(context, call) : namedAgent(context, call, key)
  const engine = key === null || isEarlier ? call.engine : agent.engine
  const choice = { agent: agent.key, engine, parameters: state.values }
  const chosen = (await context.store.calls.setAgent(call.id, choice)) ?? {
    ...call,
    agent: agent.key,
    engine,
  }
  if (!(await hasRoom(context, chosen))) {
    context.log.warn("call refused, at capacity", { callSid: call.sid })
    await endCall(context, chosen, { by: "system", reason: "the server was at capacity" })
    return { kind: "say", text: agent.phrases.busy, then: { kind: "hang-up" } }
  }
  const isMedia = isEarlier && engine !== "relay"
  const address = isMedia ? ({ kind: "token-path", prefix: EARLIER_SOCKETS } as const) : undefined
  const { prompts } = state
  return connectToEngine(context, { call: chosen, agent, prompts, ...(address ? { address } : {}) })
}

function hasRoom({ slots, sweep, config }: ControlContext, { id }: Call): Promise<boolean> {
  const now = sweep.clock.monotonic()
  const most = config.limits.maxConcurrentCalls
  return slots.reserve(id, { now, until: now + config.times.socketTokenMs, most })
}

/** The agent of the call where the configuration does not contain the named one any more. */
function namedAgent(context: ControlContext, call: Call, key: string): Agent {
  return agentOf(context, { ...call, agent: key })
}

/** For the person who takes the call. */
function summaryOf({ menu, values, secrets = [] }: MenuState): string {
  const entered = Object.entries(values)
    .filter(([name]) => !secrets.includes(name))
    .map(([name, value]) => `${name} ${value}`)
  return entered.length === 0 ? "" : `From the menu ${menu}: ${entered.join(", ")}.`
}
