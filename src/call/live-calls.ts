/** The calls that have a session now, and the places kept for those that are about to open one. */

import type { CallId } from "./ids.ts"

/** Why a conversation is ended, in the words that travel to the next step of the call. */
export type Ending = { reasonCode: string; reason: string; conversationSummary?: string | undefined }

/** A running conversation as the rest of the program may touch it. */
export interface LiveCall {
  readonly callId: CallId
  /** Speaks a sentence; it becomes part of transcript and history. */
  say(text: string): void
  /** Says last words, if any, and ends the session once they were heard. */
  wrapUp(text: string, ending: Ending): void
  /** Drops the socket. The call itself is ended elsewhere, or taken up again. */
  close(code: number, reason: string): void
}

export class LiveCalls {
  readonly #live = new Map<CallId, LiveCall>()
  /** Calls that were told to open a socket, with the time until which their place is kept. */
  readonly #expected = new Map<CallId, number>()

  /** Sessions that are open. */
  get size(): number {
    return this.#live.size
  }

  /** Open sessions and kept places, at `now`. */
  taken(now: number): number {
    for (const [callId, until] of this.#expected) {
      if (until <= now) this.#expected.delete(callId)
    }
    return this.#live.size + this.#expected.size
  }

  /** Keeps a place for a call whose socket is to open before `until`. */
  expect(callId: CallId, until: number): void {
    if (!this.#live.has(callId)) this.#expected.set(callId, until)
  }

  /** The call will not open a socket after all. */
  forget(callId: CallId): void {
    this.#expected.delete(callId)
  }

  /**
   * Enters a session. An earlier one of the same call is dropped: Twilio opens a second socket only when it has given
   * up the first. Returns the removal, which leaves a later session of the call alone.
   */
  add(call: LiveCall): () => void {
    this.#expected.delete(call.callId)
    const earlier = this.#live.get(call.callId)
    this.#live.set(call.callId, call)
    earlier?.close(4409, "replaced by a newer session")
    return () => {
      if (this.#live.get(call.callId) === call) this.#live.delete(call.callId)
    }
  }

  get(callId: CallId): LiveCall | undefined {
    return this.#live.get(callId)
  }

  all(): LiveCall[] {
    return [...this.#live.values()]
  }
}
