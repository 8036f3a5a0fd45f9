/** Short-lived tickets that open one observer's socket, for browsers: a page cannot send a header with a socket. */

import type { CallId } from "../call/ids.ts"
import { newSocketToken } from "../call/ids.ts"

const MAX_TICKETS = 1000

export type Ticket = { callId: CallId; userId: string | null; expiresAt: number }

export class StreamTokens {
  readonly #open = new Map<string, Ticket>()

  get size(): number {
    return this.#open.size
  }

  /** The oldest ones give way when there are too many. */
  issue(ticket: Ticket): string {
    const token = newSocketToken()
    this.#open.set(token, ticket)
    for (const [oldest] of this.#open) {
      if (this.#open.size <= MAX_TICKETS) break
      this.#open.delete(oldest)
    }
    return token
  }

  /** The ticket, once; undefined for one that is unknown, used, expired, or of another call. */
  take(token: string, callId: CallId, now: number): Ticket | undefined {
    const ticket = this.#open.get(token)
    if (ticket?.callId !== callId) return undefined
    this.#open.delete(token)
    return ticket.expiresAt > now ? ticket : undefined
  }
}
