/** Requests to place a call that are being carried out: the same request, sent again meanwhile, waits for its answer. */

import type { Call } from "../call/call.ts"
import { AppError, type ErrorDetail } from "../lib/errors.ts"

/** `repeated`: an earlier request with the same key placed the call. */
export type PlacedCall = { call: Call; repeated: boolean }

/** The refusal of an earlier request with the same key, again. */
export class RepeatedRefusal extends AppError {
  constructor(message: string, options: { details: readonly ErrorDetail[] }) {
    super("UPSTREAM_FAILED", message, options)
    this.name = "RepeatedRefusal"
  }
}

/** With several processes, the store's lease on a call keeps a second one from asking Twilio for it. */
export interface Placements {
  /**
   * Runs `place` unless a request of this key runs already, and then waits for that one. Rejects with CONFLICT when it
   * is another request.
   */
  join(key: PlacementKey, place: () => Promise<PlacedCall>): Promise<PlacedCall>
  /** Requests that run. */
  readonly size: number
}

export type PlacementKey = { userId: string | null; idempotencyKey: string; requestHash: string }

/** The requests of one process. */
export function memoryPlacements(): Placements {
  const running = new Map<string, { requestHash: string; placed: Promise<PlacedCall> }>()
  return {
    get size() {
      return running.size
    },

    async join({ userId, idempotencyKey, requestHash }, place) {
      const name = `${userId ?? ""}\n${idempotencyKey}`
      const earlier = running.get(name)
      if (earlier) {
        requireSame(earlier.requestHash, requestHash)
        const { call } = await earlier.placed
        return { call, repeated: true }
      }
      const placed = place()
      running.set(name, { requestHash, placed })
      try {
        return await placed
      } finally {
        running.delete(name)
      }
    },
  }
}

/** Throws CONFLICT when a key was used with another request. */
export function requireSame(usedHash: string | null, requestHash: string): void {
  if (usedHash === requestHash) return
  throw new AppError("CONFLICT", "This Idempotency-Key was used with another request.")
}
