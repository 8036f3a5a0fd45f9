/** Watches over calls whatever happens to sessions: after a restart, past their longest length, and when reports are lost. */

import type { Call } from "../call/call.ts"
import { isTerminal } from "../call/status.ts"
import { AppError, messageOf } from "../lib/errors.ts"
import { ownNumberOf, type ControlContext } from "./context.ts"
import { endCallRecord, reportStatus } from "./report-status.ts"

const EVERY_MS = 5_000
/** A call without a session is asked about at Twilio at this pace. */
const ASK_EVERY_MS = 60_000
/** Added to the longest length before a call is ended from outside its conversation. */
const LIMIT_GRACE_MS = 15_000
/** A placed call of which Twilio has told nothing. */
const LOST_AFTER_MS = 15 * 60_000
const PRUNE_EVERY_MS = 60 * 60_000
/** Receipts of webhooks are kept this long; Twilio repeats a request within seconds. */
const RECEIPTS_KEPT_MS = 24 * 60 * 60_000

/** Begins to watch, with a look at every open call. Returns the end of watching. */
export function watchCalls(context: ControlContext): () => void {
  const { sweep, log, store, config } = context
  const asked = new Map<string, number>()
  const ended = new Set<string>()

  const visit = (call: Call) => {
    const now = sweep.clock.now()
    const live = context.liveCalls.get(call.id)
    const age = now - (call.answeredAt ?? call.createdAt)
    if (live && age > config.times.maxCallMs && !ended.has(call.id)) {
      ended.add(call.id)
      const agent = context.assets.agentFor({ agent: call.agent, number: ownNumberOf(call) })
      live.wrapUp(agent.phrases.timeUp, {
        reasonCode: "time-limit",
        reason: "the longest allowed length was reached",
      })
    } else if (age > config.times.maxCallMs + LIMIT_GRACE_MS) {
      if (now - (asked.get(call.id) ?? 0) < ASK_EVERY_MS) return
      asked.set(call.id, now)
      log.background("ending a call past its limit", endPastLimit(context, call))
    } else if (!live && now - (asked.get(call.id) ?? call.createdAt) >= ASK_EVERY_MS) {
      asked.set(call.id, now)
      log.background("asking Twilio about a call", reconcile(context, call))
    }
  }

  const look = () => {
    const open = store.calls.open()
    for (const call of open) visit(call)
    const ids = new Set<string>(open.map(({ id }) => id))
    for (const id of asked.keys()) if (!ids.has(id)) asked.delete(id)
    for (const id of ended) if (!ids.has(id)) ended.delete(id)
  }

  const prune = () => {
    const now = sweep.clock.now()
    store.receipts.prune(now - RECEIPTS_KEPT_MS)
    if (config.times.retentionMs > 0) store.purgeEndedBefore(now - config.times.retentionMs)
  }

  // After a restart, what happened meanwhile is asked at once.
  for (const call of store.calls.open()) {
    asked.set(call.id, sweep.clock.now())
    log.background("asking Twilio about a call", reconcile(context, call))
  }
  prune()
  const cancels = [sweep.every(EVERY_MS, look), sweep.every(PRUNE_EVERY_MS, prune)]
  return () => {
    for (const cancel of cancels) cancel()
  }
}

/** Takes Twilio's word on the status of a call. */
async function reconcile(context: ControlContext, call: Call): Promise<void> {
  const { twilio, sweep, log } = context
  const now = sweep.clock.now()
  if (!call.sid) {
    if (now - call.createdAt < LOST_AFTER_MS) return
    endCallRecord(context, call, { by: "system", reason: "Twilio never told whether it was placed" })
    reportStatus(context, call, { status: "failed", at: now })
    return
  }
  if (!twilio) return
  try {
    const remote = await twilio.fetchCall(call.sid)
    const { status, durationSeconds, endedAt } = remote
    if (!isTerminal(status) && context.liveCalls.get(call.id)) return
    reportStatus(context, call, {
      status,
      at: endedAt ?? sweep.clock.now(),
      ...(durationSeconds === null ? {} : { durationSeconds }),
    })
  } catch (error) {
    log.warn("Twilio did not tell about a call", { callSid: call.sid, error: messageOf(error) })
  }
}

async function endPastLimit(context: ControlContext, call: Call): Promise<void> {
  const { twilio, sweep } = context
  let over = !twilio
  try {
    if (twilio && call.sid) await twilio.endCall(call.sid)
  } catch (error) {
    if (!(error instanceof AppError && error.code === "NOT_FOUND")) throw error
    over = true
  }
  endCallRecord(context, call, { by: "limit", reason: "the longest allowed length was reached" })
  context.liveCalls.get(call.id)?.close(1000, "the longest allowed length was reached")
  if (over) reportStatus(context, call, { status: "completed", at: sweep.clock.now() })
}
