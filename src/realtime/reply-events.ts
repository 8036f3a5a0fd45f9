/** Tells when answers of the model began and how they ended. */

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

  began({ id }: RealtimeResponse): void {
    this.#startedAt.set(id, this.#clock.now())
    this.#publish({ type: "reply.started", replyId: id })
  }

  /** One that was never told to begin is not told to end. */
  ended({ id, status, usage }: RealtimeResponse): void {
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

  /** The connection is gone: what was begun on it ends here. */
  lost(): void {
    for (const [replyId, startedAt] of this.#startedAt) {
      const tookMs = Math.max(0, this.#clock.now() - startedAt)
      this.#publish({ type: "reply.finished", replyId, outcome: "failed", tookMs })
    }
    this.#startedAt.clear()
  }
}
