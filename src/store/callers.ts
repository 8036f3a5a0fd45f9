/** Callers by number and user, and the tokens that let others report about one call's caller. */

import type { Caller, CallerChange, CallerEventKind, CallerId, CallerSource } from "../call/caller.ts"
import type { CallId } from "../call/ids.ts"

/** A token of one call. Only its hash is kept. */
export type CallerToken = CallerId & {
  hash: string
  callId: CallId
  /** Milliseconds since the epoch. */
  expiresAt: number
}

export type ChangeCaller = CallerId & {
  change: CallerChange
  source: CallerSource
  /** Milliseconds since the epoch. */
  at: number
  /** Callers that are kept; beyond that, the oldest of the user who has the most are deleted. Undefined: changes only a caller who is known. */
  create?: { most: number } | undefined
}

export type CallerFilter = {
  userId: string | null
  /** Only numbers after this one. */
  after?: string | undefined
  limit: number
}

export interface Callers {
  find(id: CallerId): Promise<Caller | undefined>

  /** Callers of one user, by number. */
  list(filter: CallerFilter): Promise<Caller[]>

  /** Changes one caller; resolves to the caller after it, undefined for one that is not known and not to be created. */
  change(request: ChangeCaller): Promise<Caller | undefined>

  /** Deletes a caller with the tokens of the number. Resolves to whether there was one. */
  erase(id: CallerId): Promise<boolean>

  /** Issues the token of a call. False, and nothing is stored, when the call has one: the caller was asked before. */
  issueToken(token: CallerToken): Promise<boolean>

  /** Undefined for a token that is unknown or has expired. */
  token(hash: string, now: number): Promise<CallerToken | undefined>

  /** Uses a token for one event, once for each kind. False: it was used for that before, or is gone. */
  useToken(hash: string, event: CallerEventKind, now: number): Promise<boolean>

  /** How many callers are stored, of all users. */
  count(): Promise<number>

  /** Deletes tokens that have expired at `now`, and callers that have not changed since `unchangedSince`. */
  prune(time: { now: number; unchangedSince: number | undefined }): Promise<void>
}
