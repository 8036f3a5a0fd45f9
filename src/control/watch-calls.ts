/** Reconciles open calls with Twilio: after a restart, past their longest length, and when status reports are lost. */

import type { Call, EndCause } from "../call/call.ts"
import type { CallId } from "../call/ids.ts"
import { CallAges } from "./call-ages.ts"
import { agentOf, type ControlContext } from "./context.ts"
import { hangUp, isNotFound } from "./hang-up.ts"
import { QUOTA_REACH_MS } from "./quotas.ts"
import { reconcile } from "./reconcile.ts"
import { endCall } from "./report-status.ts"

const PAST_LIMIT: EndCause = { by: "limit", reason: "the longest allowed length was reached" }
const EVERY_MS = 5_000
/** How often a call without a session is looked up at Twilio, and one past its length is hung up. */
const AGAIN_AFTER_MS = 60_000
/** Added to the longest length before a call is ended from outside its conversation. */
const LIMIT_GRACE_MS = 15_000
const PRUNE_EVERY_MS = 60 * 60_000
const DAY_MS = 24 * 60 * 60_000
/** Receipts of webhooks are kept this long; Twilio repeats a request within seconds. Of an ended call none acts anyway. */
const RECEIPTS_KEPT_MS = DAY_MS
/** Those of first requests are kept longer: after its retention time a call is unknown, and a replay would create it. */
const VOICE_RECEIPTS_KEPT_MS = 400 * DAY_MS

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
  /** Leaves calls without a conversation in this process alone: another server has them. */
  onlyLive?: boolean
}

/** Starts with a lookup of every open call. */
export function watchCalls(
  context: ControlContext,
  { onPurge = () => {}, onlyLive = false }: WatchOptions = {},
): Watch {
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
    if (onlyLive && !live) return
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
      log.background("looking up a call at Twilio", reconcile(context, call, ages))
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
    const steadyNow = store.steadyNow()
    const voiceBefore = steadyNow - VOICE_RECEIPTS_KEPT_MS
    await store.receipts.prune({ before: steadyNow - RECEIPTS_KEPT_MS, voiceBefore })
    await store.quotas.prune(steadyNow - QUOTA_REACH_MS)
    const { retentionMs } = config.times
    const unchangedSince = retentionMs === 0 ? undefined : now - retentionMs
    await store.callers.prune({ now: steadyNow, unchangedSince })
    if (retentionMs === 0) return
    const before = now - retentionMs
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

  if (!onlyLive) log.background("looking up calls at Twilio", catchUp())
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
    for (const call of waiting) await reconcile(context, call, ages)
  }
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, worker))
}

/** Hangs up, also without a conversation. Repeated until the call is known to be over. */
async function endPastLimit(context: ControlContext, call: Call): Promise<void> {
  const { twilio } = context
  try {
    if (twilio && call.sid) {
      await hangUp(context, twilio, { ...call, sid: call.sid }, PAST_LIMIT)
      return await reconcile(context, call)
    }
  } catch (error) {
    if (!isNotFound(error)) throw error
  } finally {
    context.liveCalls.get(call.id)?.close(1000, PAST_LIMIT.reason)
  }
  // Without an account, or for a call that the account does not have, nothing else reports the end.
  await endCall(context, call, PAST_LIMIT)
}
