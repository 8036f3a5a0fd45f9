/** Reports the end of a call to another system: one signed POST, repeated until it is accepted. */

import { createHmac } from "node:crypto"
import type { Call } from "../call/call.ts"
import type { LiveCalls } from "../call/live-calls.ts"
import { isTerminal } from "../call/status.ts"
import type { Config } from "../config/config.ts"
import type { Store } from "../store/store.ts"
import { checkedFetch } from "../tools/checked-fetch.ts"
import { AppError } from "../lib/errors.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { ControlContext } from "../control/context.ts"
import { WEBHOOK_JOB } from "../control/follow-up-jobs.ts"
import type { Job } from "../store/jobs.ts"
import type { JobKind } from "./runner.ts"

export type WebhookStatus = "pending" | "delivered" | "failed"

export type WebhookOptions = {
  config: Pick<Config, "webhook" | "allowPrivateAddresses">
  store: Pick<Store, "calls" | "voiceMessages">
  liveCalls: LiveCalls
  /** The report of the call. */
  describe: (call: Call) => Promise<Record<string, unknown>>
  sweep: Sweep
  /** From 0 to 1. */
  random?: () => number
}

/** While a session is open, what was said last may not be recorded. */
const LOOK_AGAIN_MS = 1000
/** Longest wait for Twilio to finish a message that the caller left, after the end of the call. */
const MESSAGE_WAIT_MS = 60_000
const MAX_ATTEMPTS = 20
const FIRST_PAUSE_MS = 2_000
/** Pauses differ by up to a fifth, so that deliveries that failed together do not come together again. */
const JITTER = 0.2
const LONGEST_PAUSE_MS = 6 * 60 * 60_000

/** Pauses of 2 s, 8 s, 32 s and so on up to six hours: twenty attempts in three days. */
export function webhookKind({
  config,
  store,
  liveCalls,
  describe,
  sweep,
  random = Math.random,
}: WebhookOptions): JobKind {
  const { url, secret, source, timeoutMs } = config.webhook
  const send = checkedFetch({ allowPrivate: config.allowPrivateAddresses })

  /** Twilio reports a recording seconds after the caller has hung up. */
  async function awaitsMessage({ id, endedAt }: Call): Promise<boolean> {
    if (endedAt === null || sweep.clock.now() - endedAt > MESSAGE_WAIT_MS) return false
    const messages = await store.voiceMessages.of(id)
    return messages.some(({ status }) => status === "in-progress")
  }

  return {
    maxAttempts: MAX_ATTEMPTS,
    pauseMs(attempt) {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 4 ** (attempt - 1), LONGEST_PAUSE_MS)
      return Math.round(pauseMs * (1 + JITTER * (2 * random() - 1)))
    },
    timeoutMs,
    target: url === undefined ? undefined : new URL(url).host,
    async run(job, signal) {
      const call = job.callId && (await store.calls.byId(job.callId))
      if (!call) return { failed: "the call was deleted", final: true }
      if (!url) return { failed: "WEBHOOK_URL is not set", final: true }
      if (!liveCalls.isSettled(call.id)) return { later: LOOK_AGAIN_MS }
      if (await awaitsMessage(call)) return { later: LOOK_AGAIN_MS }
      const createdAt = new Date(job.createdAt).toISOString()
      const body = JSON.stringify({
        id: job.id,
        type: "call.ended",
        source,
        createdAt,
        ...(await describe(call)),
      })
      const seconds = Math.floor(sweep.clock.now() / 1000)
      const answer = await send(url, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "User-Agent": "Parley",
          "Idempotency-Key": job.id,
          "Parley-Delivery": job.id,
          "Parley-Attempt": String(job.attempts),
          ...(secret ? { "Parley-Signature": signatureOf(secret, seconds, body) } : {}),
        },
        body,
        signal,
      }).catch(refusedAddress)
      if ("failed" in answer) return answer
      await answer.body?.cancel()
      if (answer.ok) return { done: true }
      const { status } = answer
      // Another answer is about this delivery; these two are about all of them.
      const isTargetUp = status < 500 && status !== 429
      return { failed: `the webhook was answered with ${status}`, final: status === 410, isTargetUp }
    },
  }
}

/** An address that may not be reached will not be reachable at the next attempt. Throws anything else. */
function refusedAddress(error: unknown): { failed: string; final: true } {
  if (error instanceof AppError) return { failed: error.message, final: true }
  throw error
}

/** Delivers the webhook of a call again. Rejects with `AppError` CONFLICT while the call continues, or without WEBHOOK_URL. */
export async function deliverAgain(
  { config, store, sweep }: Pick<ControlContext, "config" | "store" | "sweep">,
  call: Call,
): Promise<void> {
  if (!config.webhook.url) throw new AppError("CONFLICT", "No webhook is configured. Set WEBHOOK_URL.")
  if (!isTerminal(call.status)) throw new AppError("CONFLICT", "The call is not over yet.")
  const now = sweep.clock.now()
  await store.jobs.restart({ kind: WEBHOOK_JOB, callId: call.id, dueAt: store.steadyNow(), createdAt: now })
}

/** `t=<seconds>,v1=<hex>`: HMAC-SHA256 with the secret over `<seconds>.<body>`. */
export function signatureOf(secret: string, seconds: number, body: string): string {
  return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`
}

/** State of the deliveries, by call; null if there is none. */
export async function webhookStatuses(
  { jobs }: Pick<Store, "jobs">,
  calls: readonly Pick<Call, "id">[],
): Promise<(call: Pick<Call, "id">) => WebhookStatus | null> {
  const found = await jobs.findAll(
    calls.map(({ id }) => id),
    WEBHOOK_JOB,
  )
  const byCall = new Map(found.map((job) => [job.callId, statusOf(job)]))
  return ({ id }) => byCall.get(id) ?? null
}

function statusOf({ state }: Job): WebhookStatus {
  return state === "waiting" ? "pending" : state === "done" ? "delivered" : "failed"
}
