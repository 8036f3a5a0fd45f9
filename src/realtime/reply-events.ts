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
    this.#startedAt.set(id, this.#clock.now())
    this.#publish({ type: "reply.started", replyId: id })
  }

  /** Responses without a published start get no published end. */
  finished({ id, status, usage }: Pick<RealtimeResponse, "id" | "status" | "usage">): void {
    const startedAt = this.#startedAt.get(id)
    if (startedAt === undefined) return
    this.#startedAt.delete(id)
    this.#publish({
      type: "reply.finished",
      replyId: id,
      outcome: status === "failed" ? "failed" : status === "cancelled" ? "interrupted" : "said",
      tookMs: Math.max(0, this.#clock.now() - startedAt),
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
      const tookMs = Math.max(0, this.#clock.now() - startedAt)
      this.#publish({ type: "reply.finished", replyId, outcome: "failed", tookMs })
    }
    this.#startedAt.clear()
  }
}
