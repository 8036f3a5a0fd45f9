/** Short-lived tokens that open one observer's socket, for browsers: a page cannot send a header with a socket. */

import type { CallId } from "../call/ids.ts"
import type { Observing } from "./observer-slots.ts"
import { newSocketToken } from "../call/ids.ts"

/** Whose key asked for it. `expiresAt`: in monotonic milliseconds, as `now` below. */
export type StreamToken = { callId: CallId; expiresAt: number } & Observing

/** With several processes, the one that gave a token out need not be the one that is shown it: the store could hold them. */
export interface StreamTokens {
  /** Gives out a token. */
  issue(grant: StreamToken): Promise<string>
  /** What the token was given for, once; undefined for one that is unknown, used, expired, or of another call. */
  take(token: string, callId: CallId, now: number): Promise<StreamToken | undefined>
}

const MAX_TOKENS = 1000

/** The tokens of one process. When there are too many, the oldest expire. */
export function memoryStreamTokens(): StreamTokens {
  const open = new Map<string, StreamToken>()
  return {
    async issue(grant) {
      const token = newSocketToken()
      open.set(token, grant)
      for (const [oldest] of open) {
        if (open.size <= MAX_TOKENS) break
        open.delete(oldest)
      }
      return token
    },

    async take(token, callId, now) {
      const grant = open.get(token)
      if (grant?.callId !== callId) return undefined
      open.delete(token)
      return grant.expiresAt > now ? grant : undefined
    },
  }
}
