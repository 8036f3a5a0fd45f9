/** The calls that have a session in this process, and the slots of those that are about to open one. */

import type { CallSlots, SlotRequest } from "./call-slots.ts"
import type { CallId } from "./ids.ts"
import type { SessionEnd } from "./session-end.ts"

/** What may be exchanged in a running conversation; what is left out stays as it is. */
export type AgentChange = {
  contextKey?: string | undefined
  manifestKey?: string | undefined
  listenMode?: boolean | undefined
  silenceDetection?: boolean | undefined
  /** What is known of the caller. */
  caller?: KnownCaller | undefined
  /** Forgets what was said before; the record of the call keeps it. */
  reset?: boolean | undefined
}

/** What the agent knows of the caller: a section of the prompt; undefined: nothing. */
export type KnownCaller = { about: string | undefined }

/** How a running conversation is set up now. */
export type AgentState = {
  contextKey: string
  manifestKey: string
  listenMode: boolean
  silenceDetection: boolean
}

/** A message that somebody puts into a running conversation. With `respond`, the agent answers it. */
export type InsertedMessage = { role: "user" | "system" | "assistant"; text: string; respond: boolean }

/** A running conversation as the rest of the program may touch it. */
export interface LiveCall {
  readonly callId: CallId
  /** An end was requested: nothing but the last words is said any more. */
  readonly isEnding: boolean
  /** Speaks a sentence; it becomes part of transcript and history. */
  say(text: string): void
  /** Adds a message to the conversation without speaking it. */
  insert(message: InsertedMessage): void
  /** Sends a frame of the engine's own protocol. Throws `AppError` INVALID_REQUEST for one that is none. */
  sendFrame(frame: unknown): void
  /** Exchanges role, tools and habits. Throws `AppError` INVALID_REQUEST for an unknown key; then nothing changes. */
  change(change: AgentChange): AgentState
  /** Says a farewell, if any, and ends the session once it was heard. */
  wrapUp(text: string, end: SessionEnd): void
  /** Drops the socket. The call itself is ended elsewhere, or resumes. */
  close(code: number, reason: string): void
}

export class LiveCalls implements CallSlots {
  readonly #live = new Map<CallId, LiveCall>()
  /** Calls whose open session Twilio has given up: another one may take its place. */
  readonly #givenUp = new Set<CallId>()
  readonly #settling = new Map<symbol, CallId>()
  /** Calls that are to open a socket, with the monotonic time until which their slot is reserved. */
  readonly #reserved = new Map<CallId, number>()

  /** Sessions that are open. */
  get size(): number {
    return this.#live.size
  }

  /** Open sessions and reserved slots, at `now`. */
  inUse(now: number): number {
    for (const [callId, until] of this.#reserved) {
      if (until <= now) this.#reserved.delete(callId)
    }
    return this.#live.size + this.#reserved.size
  }

  /** The same without the slot of one call, which needs no second one. */
  inUseByOthers(callId: CallId, now: number): number {
    const inUse = this.inUse(now)
    return this.#has(callId) ? inUse - 1 : inUse
  }

  async reserve(callId: CallId, { now, until, most }: SlotRequest): Promise<boolean> {
    if (most !== undefined && this.inUseByOthers(callId, now) >= most) return false
    if (!this.#live.has(callId)) this.#reserved.set(callId, until)
    return true
  }

  async reserveUnused(callId: CallId, request: SlotRequest): Promise<boolean> {
    this.inUse(request.now)
    return this.#has(callId) ? false : this.reserve(callId, request)
  }

  async isReserved(callId: CallId, now: number): Promise<boolean> {
    return (this.#reserved.get(callId) ?? 0) > now
  }

  async release(callId: CallId): Promise<void> {
    this.#reserved.delete(callId)
  }

  /** Twilio has asked what follows the session of the call: if its socket is still open here, another may replace it. */
  giveUp(callId: CallId): void {
    if (this.#live.has(callId)) this.#givenUp.add(callId)
  }

  /** Whether the call has a session that no other may replace. */
  isHeld(callId: CallId): boolean {
    return this.#live.has(callId) && !this.#givenUp.has(callId)
  }

  /**
   * Enters a session; `isHeld` says whether it may. An earlier one of the same call, which Twilio has given up, is
   * dropped. Returns the removal, which leaves a later session of the call alone.
   */
  add(call: LiveCall): () => void {
    this.#reserved.delete(call.callId)
    this.#givenUp.delete(call.callId)
    const earlier = this.#live.get(call.callId)
    this.#live.set(call.callId, call)
    earlier?.close(4409, "replaced by a newer session")
    return () => {
      if (this.#live.get(call.callId) !== call) return
      this.#live.delete(call.callId)
      this.#givenUp.delete(call.callId)
    }
  }

  get(callId: CallId): LiveCall | undefined {
    return this.#live.get(callId)
  }

  /** The session is gone, but its last words are still to come. Returns the end of that; ending twice is harmless. */
  settle(callId: CallId): () => void {
    const session = Symbol(callId)
    this.#settling.set(session, callId)
    return () => void this.#settling.delete(session)
  }

  /** Sessions whose last words are still to come. */
  get settling(): number {
    return this.#settling.size
  }

  /** Whether all that was said in the call is recorded. */
  isSettled(callId: CallId): boolean {
    return !this.#live.has(callId) && ![...this.#settling.values()].includes(callId)
  }

  all(): LiveCall[] {
    return [...this.#live.values()]
  }

  #has(callId: CallId): boolean {
    return this.#live.has(callId) || this.#reserved.has(callId)
  }
}
