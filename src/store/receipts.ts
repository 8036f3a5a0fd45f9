/** Which webhooks were accepted already, and their responses. */

export type Receipt = {
  /** The same for every delivery of one webhook. */
  fingerprint: string
  kind: string
  /** Twilio's `I-Twilio-Idempotency-Token`, where there was one. */
  idempotencyToken: string | null
  /** Steady time (`Store.steadyNow`). */
  at: number
}

export type Seen = { seen: true; answer: string | null; idempotencyToken: string | null; at: number }

export interface Receipts {
  /** Takes a webhook in. Of several deliveries only one is `"new"`; the others get what the first one left. */
  accept(receipt: Receipt): Promise<"new" | Seen>

  /** Keeps the answer, so that a repeated delivery gets the same. */
  setAnswer(fingerprint: string, answer: string): Promise<void>

  /**
   * Deletes receipts older than `before` in steady time, and the answers of those that are kept; resolves to how many were deleted.
   * Receipts of the kind `voice` are kept until `voiceBefore`: such a request creates a call where none is recorded.
   */
  prune(ages: { before: number; voiceBefore: number }): Promise<number>
}
