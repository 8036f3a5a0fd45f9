/** Publishes when responses of the model start and how they end. */

import type { CallEvent } from "../call/events.ts"
import type { Clock } from "../lib/clock.ts"
import type { RealtimeResponse } from "./protocol/objects.ts"

export class ReplyEvents {
  readonly #clock: Clock
  readonly #publish: (event: CallEvent) => void
  readonly #startedAt = new Map<string, number>()

  constructor({ clock, publish }: { clock: Clock; publish: (event: CallEvent) => void }) {
    this.#clock = clock
    this.#publish = publish
  }

  started({ id }: Pick<RealtimeResponse, "id">): void {
    this.#startedAt.set(id, this.#clock.monotonic())
    this.#publish({ type: "reply.started", replyId: id })
  }

  /**
   * Responses without a published start get no published end. One that is not perceptible, such as text in place of audio,
   * has failed: nothing was said.
   */
  finished(
    { id, status, usage }: Pick<RealtimeResponse, "id" | "status" | "usage">,
    { isPerceptible = true } = {},
  ): void {
    const startedAt = this.#startedAt.get(id)
    if (startedAt === undefined) return
    this.#startedAt.delete(id)
    this.#publish({
      type: "reply.finished",
      replyId: id,
      outcome:
        status === "cancelled" ? "interrupted" : status === "failed" || !isPerceptible ? "failed" : "said",
      tookMs: Math.max(0, this.#clock.monotonic() - startedAt),
      ...(usage && {
        inputTokens: usage.inputTokens,
        cachedTokens: usage.cachedTokens,
        outputTokens: usage.outputTokens,
      }),
    })
  }

  /** Responses that were running have failed. */
  connectionLost(): void {
    for (const [replyId, startedAt] of this.#startedAt) {
      const tookMs = Math.max(0, this.#clock.monotonic() - startedAt)
      this.#publish({ type: "reply.finished", replyId, outcome: "failed", tookMs })
    }
    this.#startedAt.clear()
  }
}
