/** Transfers a caller to a person: dials, and resumes the call if the person does not answer. */

import type { Agent } from "../assets/agent.ts"
import type { Call } from "../call/call.ts"
import { nonce } from "../call/ids.ts"
import type { NextStep } from "../call/next-step.ts"
import { phoneNumber } from "../call/phone-number.ts"
import { isTerminal } from "../call/status.ts"
import { TransferTarget } from "../call/transfer-target.ts"
import { isWithheld } from "../lib/withheld.ts"
import { isE164 } from "../lib/e164.ts"
import { AppError } from "../lib/errors.ts"
import { webhookUrl } from "../twilio/webhook-url.ts"
import type { TransferEndedWebhook } from "../twilio/webhooks.ts"
import { connectToEngine, reconnectLater } from "./connect.ts"
import { agentOf, ownNumberOf, publish, type ControlContext } from "./context.ts"
import { transferRefusal, type TransferCheck } from "./may-dial.ts"
import { MINUTE_MS, rateLimited, startLimits } from "./start-limits.ts"
import { endOnceConfirmed } from "./reconcile.ts"
import { endCall, TRANSFERRED } from "./report-status.ts"

export type TransferRequest = {
  /** What the conversation was about, for the person who takes the call. */
  summary: string
  /** In place of the agent's target. */
  to?: string | undefined
  /** Who named `to`. Default: a request, unless it is the agent's own target. */
  namedBy?: TransferCheck["namedBy"]
  /** Whether no agent is left for the caller to return to. Default: as the end of the last session says. */
  isModelGone?: boolean
}

/**
 * Starts the transfer, which counts as a started call. Without a target, or with one that must not be dialled, it has
 * failed already, and the call continues as after a failed transfer.
 */
export async function beginTransfer(
  context: ControlContext,
  call: Call,
  { summary, to, namedBy: named, isModelGone = hasLostModel(call) }: TransferRequest,
): Promise<NextStep> {
  const { store, log } = context
  const agent = agentOf(context, call)
  const parsed = parseTarget(context, agent, to)
  if (!parsed.success) {
    log.error("transfer failed, no target is configured", { callSid: call.sid, agent: agent.key })
    return transferFailed(context, call, { summary, reason: "no target is configured", isModelGone })
  }
  const target = await readNumber(context, parsed.data)
  const namedBy = named ?? namerOf(agent, to)
  const refusal = await startRefusal(context, call, { target, namedBy })
  if (refusal !== undefined) {
    log.error("transfer refused", { callSid: call.sid, agent: agent.key, kind: target.kind, ...refusal })
    return transferFailed(context, call, { summary, reason: refusal.reason, isModelGone })
  }
  const isStarted = await store.calls.setTransfer(call.id, { state: "started", target, summary })
  if (isStarted)
    publish(context, call, { type: "transfer.started", kind: target.kind, to: target.to, summary })
  log.info("transfer started", { callSid: call.sid, kind: target.kind })
  const url = context.publicUrl()
  const transfer: NextStep = {
    kind: "transfer",
    target,
    // The nonce keeps two transfers of a call apart: a webhook with a known signature counts as a repeat.
    actionUrl: webhookUrl(url, `/twilio/transfer-ended?n=${nonce()}`),
    whisperUrl: webhookUrl(url, `/twilio/whisper?call=${call.id}&n=${nonce()}`),
    timeoutSeconds: agent.transfer.timeoutSeconds,
    callerId: agent.transfer.callerId ?? callerIdOf(call),
    task: { reason: "live-agent-handoff", summary, callSid: call.sid ?? "", from: call.from, to: call.to },
  }
  return { kind: "say", text: agent.phrases.transferring, then: transfer }
}

/** Normalizes a number by its numbering plan; one that is not valid there stays unchanged. */
async function readNumber({ config }: ControlContext, target: TransferTarget): Promise<TransferTarget> {
  if (target.kind !== "number") return target
  const options = { field: "to", defaultCountry: config.defaultCountry }
  return { ...target, to: await phoneNumber(target.to, options).catch(() => target.to) }
}

/** Why the transfer must not start. `reason` is for the agent, `detail` names what to change. */
async function startRefusal(
  context: ControlContext,
  call: Call,
  { target, namedBy }: { target: TransferTarget } & Pick<TransferCheck, "namedBy">,
): Promise<{ reason: string; detail: string } | undefined> {
  const { store } = context
  const detail = await transferRefusal(context, target, { own: ownNumberOf(call), namedBy })
  if (detail !== undefined) return { reason: "calls to the target are not allowed", detail }
  // A queue dials nothing, and a repeated request for the same transfer was counted the first time.
  if (target.kind === "queue" || target.kind === "workflow" || call.transfer?.state === "started")
    return undefined
  const at = store.steadyNow()
  const { userId } = call
  const limits = startLimits(context, { userId, limitUnbound: false })
  const start = await store.calls.countTransfer({ userId, at }, { since: at - MINUTE_MS, limits })
  if (start.outcome === "counted") return undefined
  return { reason: "too many calls were started", detail: rateLimited(start, at).message }
}

/** Our own number if the caller's cannot be shown. Undefined: Twilio shows the caller's by default. */
function callerIdOf(call: Call): string | undefined {
  return call.direction === "inbound" && isE164(call.from) && !isWithheld(call.from)
    ? undefined
    : ownNumberOf(call)
}

function summaryOf({ transfer }: Call): string {
  return transfer?.summary ?? ""
}

/** What follows a transfer for the caller: the end of the call, or the agent again. */
export function transferEnded(context: ControlContext, webhook: TransferEndedWebhook): Promise<NextStep> {
  return context.callQueue.run(webhook.callSid, () => afterTransfer(context, webhook))
}

async function afterTransfer(context: ControlContext, webhook: TransferEndedWebhook): Promise<NextStep> {
  const { callSid, callStatus, connected, result } = webhook
  const call = await context.store.calls.bySid(callSid)
  if (!call) return { kind: "hang-up" }
  if (isTerminal(callStatus)) {
    if (connected) await transferFinished(context, call, result)
    else if (call.transfer?.state === "started")
      await recordFailed(context, call, { summary: summaryOf(call), reason: "the caller hung up" })
    const reason = connected ? "hung up after a transfer" : "hung up during a transfer"
    await endCall(context, call, { status: callStatus, by: "caller", reason })
    return { kind: "nothing" }
  }
  if (isTerminal(call.status)) return { kind: "hang-up" }
  // The end of an earlier transfer says nothing about the conversation that followed it.
  if (call.transfer?.state !== "started") return reconnectLater(context, call, 0)
  context.liveCalls.giveUp(call.id)
  if (!connected) return transferFailed(context, call, { summary: summaryOf(call), reason: result })
  await transferFinished(context, call, result)
  await endOnceConfirmed(context, call, TRANSFERRED)
  return { kind: "hang-up" }
}

async function transferFinished(context: ControlContext, call: Call, result: string): Promise<void> {
  const { calls } = context.store
  const isFirst = await calls.setTransfer(call.id, { state: "finished", summary: summaryOf(call), result })
  if (isFirst) publish(context, call, { type: "transfer.finished", result })
}

async function recordFailed(
  context: ControlContext,
  call: Call,
  { summary, reason }: Pick<FailedTransfer, "summary" | "reason">,
): Promise<void> {
  const isFirst = await context.store.calls.setTransfer(call.id, { state: "failed", summary, reason })
  if (isFirst) publish(context, call, { type: "transfer.failed", reason })
}

/** Whether the last session ended because no model could be reached. */
function hasLostModel({ sessionEnd }: Call): boolean {
  return sessionEnd?.reason === "model-failed" || sessionEnd?.reason === "model-refused"
}

type FailedTransfer = { summary: string; reason: string; isModelGone?: boolean }

/** Returns the caller to the agent. Says goodbye instead with `onFailure` `goodbye`, or if no model can be reached. */
async function transferFailed(
  context: ControlContext,
  call: Call,
  { summary, reason, isModelGone = hasLostModel(call) }: FailedTransfer,
): Promise<NextStep> {
  await recordFailed(context, call, { summary, reason })
  const next = await context.menus.transferFailed(call)
  if (next) return next
  const agent = agentOf(context, call)
  if (isModelGone) {
    await endOnceConfirmed(context, call, { by: "system", reason: "no model could be reached" })
    return { kind: "say", text: agent.phrases.goodbye, then: { kind: "hang-up" } }
  }
  if (agent.transfer.onFailure === "agent") return connectToEngine(context, { call, agent })
  await endOnceConfirmed(context, call, { by: "agent", reason: "nobody answered the transfer" })
  return { kind: "say", text: agent.phrases.transferFailed, then: { kind: "hang-up" } }
}

/** Throws INVALID_REQUEST for a missing or invalid target, FORBIDDEN for one that must not be dialled. */
export async function requireTarget(
  context: ControlContext,
  call: Call,
  to: string | undefined,
): Promise<void> {
  const agent = agentOf(context, call)
  const parsed = parseTarget(context, agent, to)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new AppError("INVALID_REQUEST", `The transfer target ${issue?.message ?? "is invalid"}`)
  }
  const namedBy = namerOf(agent, to)
  const refusal = await transferRefusal(context, parsed.data, { own: ownNumberOf(call), namedBy })
  if (refusal !== undefined) throw new AppError("FORBIDDEN", refusal)
}

function namerOf(agent: Agent, to: string | undefined): TransferCheck["namedBy"] {
  return to === undefined || to === agent.transfer.to ? "settings" : "request"
}

function parseTarget({ config }: ControlContext, agent: Agent, to: string | undefined) {
  return TransferTarget.safeParse(to ?? agent.transfer.to ?? config.transferTo ?? "")
}
