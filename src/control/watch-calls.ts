/** Reconciles open calls with Twilio: after a restart, past their longest length, and when status reports are lost. */

import type { Call, EndCause } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import { isTerminal } from "../call/status.ts"
import { messageOf } from "../lib/errors.ts"
import { CallAges } from "./call-ages.ts"
import { agentOf, type ControlContext } from "./context.ts"
import { hangUp, isNotFound } from "./hang-up.ts"
import { QUOTA_REACH_MS } from "./quotas.ts"
import { endCall, reportStatus } from "./report-status.ts"

const PAST_LIMIT: EndCause = { by: "limit", reason: "the longest allowed length was reached" }
const EVERY_MS = 5_000
/** How often a call without a session is looked up at Twilio, and one past its length is hung up. */
const AGAIN_AFTER_MS = 60_000
/** Added to the longest length before a call is ended from outside its conversation. */
const LIMIT_GRACE_MS = 15_000
/** After this time a placed call of which Twilio has reported nothing counts as failed. */
const LOST_AFTER_MS = 15 * 60_000
const PRUNE_EVERY_MS = 60 * 60_000
const DAY_MS = 24 * 60 * 60_000
/** Receipts of webhooks are kept this long; Twilio repeats a request within seconds. Of an ended call none acts anyway. */
const RECEIPTS_KEPT_MS = DAY_MS
/** Those of first requests are kept longer: after its retention time a call is unknown, and a replay would create it. */
const VOICE_RECEIPTS_KEPT_MS = 400 * DAY_MS

/** How long after a hang-up Twilio may report the end of the call by itself. */
const STATUS_WAIT_MS = 5_000

/** How many calls are looked up at once after a restart: Twilio limits simultaneous requests. */
const ASKED_AT_ONCE = 10

export type Watch = {
  /** Calls that it holds times of; never more than are open. */
  readonly size: number
  stop(): void
}

export type WatchOptions = {
  /** What is kept outside the store of calls that ended before this time is to be deleted too. */
  onPurge?: (before: number) => void
}

/** Starts with a lookup of every open call. */
export function watchCalls(context: ControlContext, { onPurge = () => {} }: WatchOptions = {}): Watch {
  const { sweep, log, store, config } = context
  const asked = new Map<CallId, number>()
  const hungUp = new Map<CallId, number>()
  const wrappedUp = new Map<CallId, number>()
  let isLooking = false
  let stopped = false
  const ages = new CallAges(sweep.clock)

  /** Whether a minute has passed since the last time; for the first time, `firstMs` counts. If so, this is the last time. */
  const isDue = (times: Map<CallId, number>, { id }: Call, firstMs: number) => {
    const now = sweep.clock.monotonic()
    const last = times.get(id)
    if ((last === undefined ? firstMs : now - last) < AGAIN_AFTER_MS) return false
    times.set(id, now)
    return true
  }

  const visit = (call: Call) => {
    const live = context.liveCalls.get(call.id)
    const age = ages.since(call.id, call.answeredAt ?? call.createdAt)
    const sinceCreation = ages.since(call.id, call.createdAt)
    if (age > config.times.maxCallMs + LIMIT_GRACE_MS) {
      if (isDue(hungUp, call, Number.POSITIVE_INFINITY))
        log.background("ending a call past its limit", endPastLimit(context, call))
    } else if (live && age > config.times.maxCallMs) {
      if (wrappedUp.has(call.id)) return
      wrappedUp.set(call.id, sweep.clock.monotonic())
      live.wrapUp(agentOf(context, call).phrases.timeUp, {
        reason: "time-limit",
        detail: PAST_LIMIT.reason,
      })
    } else if (!live && isDue(asked, call, sinceCreation)) {
      log.background("looking up a call at Twilio", reconcile(context, call, sinceCreation))
    }
  }

  const look = async () => {
    const open = await store.calls.open()
    if (stopped) return
    for (const call of open) visit(call)
    const ids = new Set(open.map(({ id }) => id))
    ages.looked(ids)
    for (const times of [asked, hungUp, wrappedUp]) {
      for (const id of times.keys()) if (!ids.has(id)) times.delete(id)
    }
  }

  const prune = async () => {
    const now = sweep.clock.now()
    await store.receipts.prune({ before: now - RECEIPTS_KEPT_MS, voiceBefore: now - VOICE_RECEIPTS_KEPT_MS })
    await store.quotas.prune(now - QUOTA_REACH_MS)
    if (config.times.retentionMs === 0) return
    const before = now - config.times.retentionMs
    onPurge(before)
    await store.purgeEndedBefore(before)
  }

  /** What happened before a restart is looked up at once. */
  const catchUp = async () => {
    const interrupted = await store.calls.open()
    for (const { id, createdAt, answeredAt } of interrupted) {
      asked.set(id, sweep.clock.monotonic())
      for (const date of [createdAt, answeredAt ?? createdAt]) ages.since(id, date)
    }
    ages.looked(new Set(interrupted.map(({ id }) => id)))
    await reconcileAll(context, interrupted, ages)
  }

  log.background("looking up calls at Twilio", catchUp())
  log.background("deleting old records", prune())
  const cancels = [
    sweep.every(EVERY_MS, () => {
      if (isLooking) return
      isLooking = true
      log.background(
        "looking at open calls",
        look().finally(() => (isLooking = false)),
      )
    }),
    sweep.every(PRUNE_EVERY_MS, () => log.background("deleting old records", prune())),
  ]
  return {
    get size() {
      return new Set([asked, hungUp, wrappedUp].flatMap((times) => [...times.keys()])).size
    },
    stop() {
      stopped = true
      for (const cancel of cancels) cancel()
    },
  }
}

async function reconcileAll(context: ControlContext, calls: readonly Call[], ages: CallAges): Promise<void> {
  const waiting = calls.values()
  const worker = async () => {
    for (const call of waiting) await reconcile(context, call, ages.since(call.id, call.createdAt))
  }
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, worker))
}

/** Records the status that Twilio reports for a call, which was created `ageMs` ago. Never rejects. */
async function reconcile(context: ControlContext, call: Call, ageMs: number): Promise<void> {
  const { twilio, sweep, log } = context
  try {
    if (!call.sid) {
      if (ageMs < LOST_AFTER_MS) return
      const reason = "Twilio never confirmed that it was placed"
      return await endCall(context, call, { status: "failed", by: "system", reason })
    }
    if (!twilio) return
    const remote = await twilio.fetchCall(call.sid)
    const { status, durationSeconds, endedAt } = remote
    if (!isTerminal(status) && context.liveCalls.get(call.id)) return
    await reportStatus(context, call, {
      status,
      at: endedAt ?? sweep.clock.now(),
      ...(durationSeconds === null ? {} : { durationSeconds }),
    })
  } catch (error) {
    log.warn("call lookup at Twilio failed", { callSid: call.sid, error: messageOf(error) })
  }
}

/** Hangs up, also without a conversation. Repeated until the call is known to be over. */
async function endPastLimit(context: ControlContext, call: Call): Promise<void> {
  const { twilio } = context
  try {
    if (twilio && call.sid) {
      await hangUp(context, twilio, { ...call, sid: call.sid }, PAST_LIMIT)
      return await reconcile(context, call, 0)
    }
  } catch (error) {
    if (!isNotFound(error)) throw error
  } finally {
    context.liveCalls.get(call.id)?.close(1000, PAST_LIMIT.reason)
  }
  // Without an account, or for a call that the account does not have, nothing else reports the end.
  await endCall(context, call, PAST_LIMIT)
}

/**
 * A media stream reported that the caller hung up. Not every number is set up to report the end of its calls, so after
 * a while Twilio is asked; without an account nothing else will report that the call is over.
 */
export function callerLeft(context: ControlContext, callId: CallId): void {
  const { sweep, log } = context
  sweep.after(STATUS_WAIT_MS, () =>
    log.background("looking up the end of a call", lookUpEnd(context, callId)),
  )
}

async function lookUpEnd(context: ControlContext, callId: CallId): Promise<void> {
  const { store, liveCalls, slots, sweep, twilio } = context
  const call = await store.calls.byId(callId)
  if (!call || isTerminal(call.status) || liveCalls.get(callId)) return
  if (await slots.isReserved(callId, sweep.clock.monotonic())) return
  if (twilio) await reconcile(context, call, 0)
  else await reportStatus(context, call, { status: "completed", at: sweep.clock.now() })
}
