/** Short-lived one-time tokens that open one observer socket, for browsers: a page cannot send headers with a socket. */

import type { CallId } from "../call/ids.ts"
import { newSocketToken } from "../call/ids.ts"

const MAX_TOKENS = 1000

export type StreamToken = { callId: CallId; userId: string | null; expiresAt: number }

export class StreamTokens {
  readonly #open = new Map<string, StreamToken>()

  get size(): number {
    return this.#open.size
  }

  /** Issues a token. Past the limit the oldest tokens are dropped. */
  issue(grant: StreamToken): string {
    const token = newSocketToken()
    this.#open.set(token, grant)
    for (const [oldest] of this.#open) {
      if (this.#open.size <= MAX_TOKENS) break
      this.#open.delete(oldest)
    }
    return token
  }

  /** What the token grants, once; undefined for one that is unknown, used, expired, or of another call. */
  take(token: string, callId: CallId, now: number): StreamToken | undefined {
    const grant = this.#open.get(token)
    if (grant?.callId !== callId) return undefined
    this.#open.delete(token)
    return grant.expiresAt > now ? grant : undefined
  }
}
