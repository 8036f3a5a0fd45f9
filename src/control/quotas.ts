/** Limits of what costs money with each use: requests to models, and text messages. */

import { createHash } from "node:crypto"
import { AppError } from "../lib/errors.ts"
import type { QuotaLimit } from "../store/quotas.ts"
import type { ControlContext } from "./context.ts"
import { MINUTE_MS } from "./start-limits.ts"

const HOUR_MS = 60 * MINUTE_MS
/** The longest time within which uses are counted. */
export const QUOTA_REACH_MS = 24 * HOUR_MS

type QuotaContext = Pick<ControlContext, "config" | "store">

/**
 * Counts a request that a model answers. Keys that are bound to no user have only the limit of the server. Throws
 * RATE_LIMITED with the time to wait.
 */
export async function countMessage({ config, store }: QuotaContext, userId: string | null): Promise<void> {
  const { messagesPerMinute, serverMessagesPerMinute } = config.limits
  const ofServer: QuotaLimit = { of: "all", most: serverMessagesPerMinute, withinMs: MINUTE_MS }
  const ofUser: QuotaLimit = { of: "subject", most: messagesPerMinute, withinMs: MINUTE_MS }
  const at = store.steadyNow()
  const limits = userId === null ? [ofServer] : [ofUser, ofServer]
  const result = await store.quotas.take({ kind: "message", subject: userId ?? "", at, limits })
  if (result.outcome === "counted") return
  const [whose, setting] =
    result.limit.of === "subject" ? [" per user", "MESSAGES_PER_MINUTE"] : ["", "SERVER_MESSAGES_PER_MINUTE"]
  throw new AppError(
    "RATE_LIMITED",
    `Rate limit exceeded: at most ${result.limit.most} messages per minute${whose} (${setting}).`,
    { retryAfterSeconds: Math.max(1, Math.ceil((result.freeAt - at) / 1000)) },
  )
}

/** Counts a text message, or returns why none may be sent now. */
export async function countSms(context: QuotaContext, to: string): Promise<string | undefined> {
  const { perRecipientPerDay, perHour } = context.config.sms
  const reached = await countSent(context, { kind: "sms", to, perDay: perRecipientPerDay, perHour })
  if (reached === undefined) return undefined
  return reached === "subject"
    ? `at most ${perRecipientPerDay} messages may be sent to one number in a day`
    : `at most ${perHour} messages may be sent in an hour`
}

/** Counts a link for consent, or returns the limit that is reached: that of the number, or that of all calls. */
export function countConsentLink(context: QuotaContext, to: string): Promise<QuotaLimit["of"] | undefined> {
  const { perNumberPerDay, perHour } = context.config.consentLinks
  return countSent(context, { kind: "consent-link", to, perDay: perNumberPerDay, perHour })
}

/** Counts a look-up of a number by Twilio. False: none may be made now. */
export async function countLookup({ config, store }: QuotaContext): Promise<boolean> {
  const limits: QuotaLimit[] = [{ of: "all", most: config.limits.lookupsPerHour, withinMs: HOUR_MS }]
  const result = await store.quotas.take({ kind: "lookup", subject: "", at: store.steadyNow(), limits })
  return result.outcome === "counted"
}

type Sent = { kind: "sms" | "consent-link"; to: string; perDay: number; perHour: number }

async function countSent({ store }: QuotaContext, { kind, to, perDay, perHour }: Sent) {
  const result = await store.quotas.take({
    kind,
    // Whether it is the same number is all that counts.
    subject: createHash("sha256").update(to).digest("hex").slice(0, 32),
    at: store.steadyNow(),
    limits: [
      { of: "subject", most: perDay, withinMs: QUOTA_REACH_MS },
      { of: "all", most: perHour, withinMs: HOUR_MS },
    ],
  })
  return result.outcome === "counted" ? undefined : result.limit.of
}
