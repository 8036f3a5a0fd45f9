/** What a session knows of its caller when it opens. */

import type { KnownCaller } from "../call/live-calls.ts"

export type CallerProfile = KnownCaller & {
  /** The role for this caller; undefined: the agent's own. */
  contextKey?: string | undefined
  manifestKey?: string | undefined
  /** The agent greets by itself, because the greeting depends on the caller. `text` undefined: with its own greeting. */
  greeting?: { text: string | undefined } | undefined
}

/** The caller of one session. */
export type SessionCaller = {
  profile: CallerProfile | undefined
  /** The session is live: changes of the caller can reach it from now on. Never throws. */
  opened(): void
}
