/** Reports the end of a call to another system: one signed POST, repeated until it is accepted. */

import { createHmac } from "node:crypto"
import type { Call } from "../call/call.ts"
import type { LiveCalls } from "../call/live-calls.ts"
import type { Config } from "../config/config.ts"
import type { Store } from "../store/store.ts"
import { checkedFetch } from "../tools/checked-fetch.ts"
import { AppError } from "../lib/errors.ts"
import type { Sweep } from "../lib/sweep.ts"
import { WEBHOOK_JOB } from "../control/follow-up-jobs.ts"
import type { Job } from "../store/jobs.ts"
import type { JobKind } from "./runner.ts"

export type WebhookStatus = "pending" | "delivered" | "failed"

export type WebhookOptions = {
  config: Pick<Config, "webhook" | "allowPrivateAddresses">
  store: Pick<Store, "calls">
  liveCalls: LiveCalls
  /** The report of the call. */
  describe: (call: Call) => Promise<Record<string, unknown>>
  sweep: Sweep
}

/** By which receivers of Caller Assistant know its webhooks. */
const SOURCE = "CAP_AI"
/** While a session is open, what was said last may not be recorded. */
const LOOK_AGAIN_MS = 1000
const MAX_ATTEMPTS = 9
const FIRST_PAUSE_MS = 2_000
const LONGEST_PAUSE_MS = 6 * 60 * 60_000

/** Pauses of 2 s, 8 s, 32 s and so on: nine attempts in nine hours. */
export function webhookKind({ config, store, liveCalls, describe, sweep }: WebhookOptions): JobKind {
  const { url, secret, timeoutMs } = config.webhook
  const send = checkedFetch({ allowPrivate: config.allowPrivateAddresses })
  return {
    maxAttempts: MAX_ATTEMPTS,
    pauseMs: (attempt) => Math.min(FIRST_PAUSE_MS * 4 ** (attempt - 1), LONGEST_PAUSE_MS),
    timeoutMs,
    async run(job, signal) {
      const call = job.callId && (await store.calls.byId(job.callId))
      if (!call) return { failed: "the call was deleted", final: true }
      if (!url) return { failed: "WEBHOOK_URL is not set", final: true }
      if (!liveCalls.isSettled(call.id)) return { later: LOOK_AGAIN_MS }
      const createdAt = new Date(job.createdAt).toISOString()
      const body = JSON.stringify({
        id: job.id,
        type: "call.ended",
        source: SOURCE,
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
      return { failed: `the webhook was answered with ${answer.status}`, final: answer.status === 410 }
    },
  }
}

/** An address that may not be reached will not be reachable at the next attempt. Throws anything else. */
function refusedAddress(error: unknown): { failed: string; final: true } {
  if (error instanceof AppError) return { failed: error.message, final: true }
  throw error
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
