/** Uses that are limited within a time, counted for all processes together, so that a restart resets nothing. */

/**
 * `message`: a request that a model answers. `sms`: a text message that is sent. `consent-link`: a link that the customer API
 * is asked to send. `lookup`: a number that Twilio looks up.
 */
export type QuotaKind = "message" | "sms" | "consent-link" | "lookup"

export type QuotaLimit = {
  /** Uses of the same subject, or all uses of the kind. */
  of: "subject" | "all"
  most: number
  withinMs: number
}

export type QuotaUse = {
  kind: QuotaKind
  /** Whose use it is. */
  subject: string
  /** Steady time (`Store.steadyNow`). */
  at: number
  limits: readonly QuotaLimit[]
}

export type QuotaResult =
  | { outcome: "counted" }
  /** Nothing was counted. `freeAt`: when the oldest use that counts no longer does. */
  | { outcome: "limited"; limit: QuotaLimit; freeAt: number }

export interface Quotas {
  /** Counts a use unless a limit is reached. Of several at once, no more are counted than the limits allow. */
  take(use: QuotaUse): Promise<QuotaResult>

  /** Deletes uses older than `before` in steady time, transfers among them; resolves to how many. */
  prune(before: number): Promise<number>
}
