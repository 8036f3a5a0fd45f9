/** The sessions that the server has room for: each call holds a slot from the moment its TwiML names a socket. */

import type { CallId } from "./ids.ts"

export type SlotRequest = {
  now: number
  /** Until when the slot is kept for a session that does not open. Monotonic milliseconds of this process, as `now`. */
  until: number
  /** Slots of other calls at which this one gets none. Default: no limit, for a call that continues. */
  most?: number
}

/** With several processes, the one that answers a call need not be the one that gets its socket: the store could count. */
export interface CallSlots {
  /** Reserves a slot for a call, in place of its earlier one. Resolves to false, and reserves none, at the limit. */
  reserve(callId: CallId, request: SlotRequest): Promise<boolean>
  /** The same for a call that has neither a session nor a slot; resolves to false where it has. */
  reserveUnused(callId: CallId, request: SlotRequest): Promise<boolean>
  /** Whether a slot is reserved for a session that has not opened yet. */
  isReserved(callId: CallId, now: number): Promise<boolean>
  /** The call will not open a session after all. */
  release(callId: CallId): Promise<void>
}
