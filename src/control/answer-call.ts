/** The first request of a call: records the call, chooses its agent, and connects the two. */

import type { Agent } from "../assets/agent.ts"
import { SHIPPED_GREETING } from "../assets/embedded.ts"
import type { Call, Parameters } from "../call/call.ts"
import type { Engine } from "../call/engine.ts"
import { newCallId, nonce, type CallId } from "../call/ids.ts"
import type { MenuState } from "../call/menu-state.ts"
import type { NextStep } from "../call/next-step.ts"
import { isTerminal } from "../call/status.ts"
import { AppError } from "../lib/errors.ts"
import { webhookUrl } from "../twilio/webhook-url.ts"
import type { VoiceWebhook } from "../twilio/webhooks.ts"
import { agentOf, publish, type ControlContext } from "./context.ts"
import { connectToEngine, reconnectLater, type SocketAddress } from "./connect.ts"
import { endCall, reportStatus } from "./report-status.ts"
import { MINUTE_MS, rateLimited, startLimits } from "./start-limits.ts"

export type AnswerCall = {
  webhook: VoiceWebhook
  /** Our id of a call that this server placed, as the address of the request contains it. */
  callId?: CallId | undefined
  /** Fields that another application gives with the call. */
  parameters?: Parameters
  /** For a new call: in place of the agent's context and greeting. */
  prompt?: string
  firstMessage?: string
  /** First words in place of the greeting that the program ships with. */
  shippedGreeting?: string
  engine?: Engine
  /** The user that a new call is recorded for. */
  userId?: string | null
  address?: SocketAddress
  /** The request carries a key of the API and no signature: it says nothing about the status, and counts as a start. */
  isKeyed?: boolean
  /** A menu that a new call begins with, in place of that of the number or the agent. */
  menu?: string
  /** Addresses of that menu. */
  menuPaths?: MenuState["paths"]
  /** The path that Twilio requests again while this process shuts down. */
  retryPath: string
}

export type FoundCall = {
  webhook: Pick<VoiceWebhook, "callSid" | "direction" | "from" | "to">
  /** Default: a new one. */
  id?: CallId
  parameters?: Parameters
  /** In place of the agent's greeting. */
  firstMessage?: string
  /** First words in place of the greeting that the program ships with. */
  shippedGreeting?: string
  prompt?: string
  engine?: Engine
  /** Key of the agent, unless the parameters name one. Default: that of the number. */
  agent?: string
  userId?: string | null
}

/** How long the call rings before Twilio requests the webhook again from the next process. */
const RETRY_AFTER_SECONDS = 1

/** Rejects with FORBIDDEN when the call is over. */
export function answerCall(context: ControlContext, request: AnswerCall): Promise<NextStep> {
  return context.callQueue.run(request.webhook.callSid, () => answer(context, request))
}

async function answer(context: ControlContext, request: AnswerCall): Promise<NextStep> {
  const { config, slots, sweep, log, liveCalls } = context
  const { webhook, address } = request
  if (context.draining()) {
    // The next process answers the same request a moment later.
    const url = webhookUrl(context.publicUrl(), nextRetry(request.retryPath))
    return { kind: "redirect", url, afterSeconds: RETRY_AFTER_SECONDS }
  }
  const known = await findCall(context, request)
  if (!known && request.isKeyed) await countStart(context)
  const ofMenu = request.menu === undefined ? undefined : context.assets.menu(request.menu)?.agent
  const found = ofMenu === undefined ? request : { ...request, agent: ofMenu }
  const call = known ?? (await createInbound(context, found)).call
  if (isTerminal(call.status)) throw new AppError("FORBIDDEN", "The call is over.")
  // Only what follows the session may take its place. Where Twilio has moved the call here, it asks for that now.
  if (liveCalls.isHeld(call.id)) return reconnectLater(context, call, 0)
  if (!request.isKeyed)
    await reportStatus(context, call, { status: webhook.callStatus, at: sweep.clock.now() })
  const agent = agentOf(context, call)
  const now = sweep.clock.monotonic()
  const most = config.limits.maxConcurrentCalls
  if (!(await slots.reserve(call.id, { now, until: now + config.times.socketTokenMs, most }))) {
    log.warn("call refused, at capacity", { callSid: webhook.callSid, limit: most })
    // Not every number is set up to report the end of its calls; after this step the end is certain.
    await endCall(context, call, { by: "system", reason: "the server was at capacity" })
    return { kind: "say", text: agent.phrases.busy, then: { kind: "hang-up" } }
  }
  const first = await firstMenuStep(context, call, request)
  return first ?? connectToEngine(context, { call, agent, ...(address ? { address } : {}) })
}

/** Undefined for a call that goes to its agent at once. */
async function firstMenuStep(
  { assets, menus, slots, log }: ControlContext,
  call: Call,
  { menu: given, menuPaths: paths = "menus" }: AnswerCall,
): Promise<NextStep | undefined> {
  const isChosen = call.direction === "outbound" || call.parameters["agent"] === call.agent
  const menu = given ?? assets.menuFor(isChosen ? { agent: call.agent } : { number: call.to })
  if (menu === undefined) return undefined
  // A menu has no session; the agent behind it needs another slot.
  await slots.release(call.id)
  const step = await menus.begin(call, { menu, paths, reason: "call-began" })
  if (!step) log.error("menu not found, the agent answers", { callSid: call.sid, menu })
  return step
}

/** Throws RATE_LIMITED when too many calls were started. */
async function countStart(context: ControlContext): Promise<void> {
  const { store } = context
  const at = store.steadyNow()
  const limits = startLimits(context, { userId: null, limitUnbound: false })
  const start = await store.calls.countTransfer({ userId: null, at }, { since: at - MINUTE_MS, limits })
  if (start.outcome === "limited") throw rateLimited(start, at)
}

/** Another address each time: the same one would get the same signature, and a signature counts once. */
function nextRetry(path: string): string {
  const [pathname = "", query = ""] = path.split("?", 2)
  const search = new URLSearchParams(query)
  search.set("retry", String(Number(search.get("retry") ?? 0) + 1))
  search.set("n", nonce())
  return `${pathname}?${search.toString()}`
}

async function findCall(
  { store }: ControlContext,
  { webhook, callId }: AnswerCall,
): Promise<Call | undefined> {
  const known = await store.calls.bySid(webhook.callSid)
  // Twilio may request instructions before its answer to our request, which contains the SID.
  return known ?? (callId && (await store.calls.attachSid(callId, webhook.callSid)))
}

/** Records a call that this server did not place, unless it is recorded by now. */
export async function createInbound(
  context: ControlContext,
  found: FoundCall,
): Promise<{ call: Call; created: boolean }> {
  const { store, sweep, log } = context
  const { webhook, id = newCallId(), parameters = {}, prompt = null, userId = null } = found
  // Of an outbound call that another application placed, `from` is our number.
  const number = webhook.direction === "inbound" ? webhook.to : webhook.from
  const agent = chosenAgent(context, parameters["agent"] ?? found.agent, number)
  const isShipped = agent.greeting === SHIPPED_GREETING
  const firstMessage = found.firstMessage ?? (isShipped ? found.shippedGreeting : undefined) ?? null
  const { call, created } = await store.calls.createOrFind({
    id,
    sid: webhook.callSid,
    direction: webhook.direction,
    status: "queued",
    from: webhook.from,
    to: webhook.to,
    agent: agent.key,
    engine: found.engine ?? agent.engine,
    parameters,
    prompt,
    firstMessage,
    userId,
    createdAt: sweep.clock.now(),
  })
  if (!created) return { call, created }
  publish(context, call, { type: "call.created", direction: call.direction, agent: agent.key })
  log.info("call answered", {
    callSid: webhook.callSid,
    agent: agent.key,
    pii: { from: webhook.from, to: webhook.to },
  })
  return { call, created }
}

/** Parameters are free fields: an unknown `agent` may mean something else, so the agent of the number answers. */
function chosenAgent({ assets, log }: ControlContext, agent: string | undefined, number: string): Agent {
  if (agent === undefined || assets.keys().agents.includes(agent)) return assets.agentFor({ agent, number })
  log.warn("unknown agent in the parameters of a call", { agent })
  return assets.agentFor({ number })
}
