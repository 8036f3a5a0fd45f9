/** Questions about calls, and what changes them. */

import type { Call, Direction, EndCause, Parameters } from "../call/call.ts"
import type { Engine } from "../call/engine.ts"
import type { CallId, CallSid } from "../call/ids.ts"
import type { MenuState } from "../call/menu-state.ts"
import type { IvrState } from "../call/ivr-menu.ts"
import type { SessionEnd } from "../call/session-end.ts"
import type { CallStatus } from "../call/status.ts"
import type { TransferState } from "../call/transfer-state.ts"

/** What is known of a call when it begins. */
export type NewCall = Omit<
  Call,
  | "resumes"
  | "speechErrors"
  | "sessionEnd"
  | "transfer"
  | "verifiedNumber"
  | "answeredAt"
  | "endedAt"
  | "durationSeconds"
  | "endedBy"
  | "endReason"
  | "contextKey"
  | "contextVersion"
  | "manifestKey"
  | "manifestVersion"
  | "ivrMenu"
  | "ivrState"
> &
  /** Default: null. */
  Partial<Pick<Call, "ivrMenu" | "ivrState">>

/** A call to be placed. Times are in milliseconds; those of leases and limits are steady time (`Store.steadyNow`). */
export type NewPlacedCall = NewCall & {
  /** Unique among the calls of one user, and among those of no user. Null: the request may be carried out again. */
  idempotencyKey: string | null
  /** Differs for another request under the same key. */
  requestHash: string
  /** Until then the caller of `place` alone may ask Twilio for the call, in steady time. */
  dialLeaseUntil: number
  /** When it counts as started, in steady time. */
  countsAt: number
}

/** How many calls may be placed since a time: of the call's user (`user`; a call of no user counts with those of none) or of all. */
export type StartLimit = { of: "user" | "server"; most: number }

export type Placement =
  | { outcome: "created"; call: Call }
  /** The key was used before; nothing was changed. */
  | { outcome: "repeated"; call: Call; requestHash: string | null }
  /** `oldestAt`: when the first of the calls and transfers that count started. */
  | { outcome: "limited"; limit: StartLimit; oldestAt: number }

export type TransferStart =
  | { outcome: "counted" }
  /** `oldestAt`: when the first of the calls and transfers that count started. */
  | { outcome: "limited"; limit: StartLimit; oldestAt: number }

/** `revision` grows by one with each change. */
export type StoredMenu = { state: MenuState; revision: number }

export type CallFilter = {
  status?: CallStatus | undefined
  direction?: Direction | undefined
  agent?: string | undefined
  to?: string | undefined
  from?: string | undefined
  userId?: string | undefined
  /** At most 200. */
  limit: number
  /** As an earlier page gave it. */
  cursor?: string | undefined
}

/** What begins with the end of a call. */
export type FollowUps = {
  /** When this is stored, in milliseconds since the epoch. */
  createdAt: number
  /** Whether the outcome of the call becomes pending. */
  outcome: boolean
  /** Each is added once for a call and kind. `dueAt` is steady time. */
  jobs: readonly { kind: string; dueAt: number }[]
}

export type StatusReport = {
  /** Twilio's `SequenceNumber`. (Twilio: "Call resource: StatusCallback".) */
  sequence?: number | undefined
  /** When it happened, in milliseconds since the epoch. */
  at: number
  durationSeconds?: number | undefined
  /** With a terminal status: who ended the call, unless already stored, and what follows. */
  end?: (EndCause & { followUps: FollowUps }) | undefined
}

export type Advance = {
  call: Call
  previous: CallStatus
  /** False for a report that is repeated or late. */
  changed: boolean
  /** Whether this report noted who ended the call. */
  endNoted: boolean
}

export interface Calls {
  byId(id: CallId): Promise<Call | undefined>

  bySid(sid: CallSid): Promise<Call | undefined>

  /** Creates a call. Rejects with `AppError` CONFLICT for an id or SID that is in use. */
  create(call: NewCall): Promise<Call>

  /** Creates the call unless its SID is known already. Of several at once one creates it; the others get that call. */
  createOrFind(call: NewCall & { sid: CallSid }): Promise<{ call: Call; created: boolean }>

  /**
   * Creates a call that is to be placed, unless its key was used before or one of the limits is reached, counted over
   * calls and transfers that started at or after `since`, in steady time. Of several with one key at once, one creates the call.
   */
  place(call: NewPlacedCall, rule: { since: number; limits: readonly StartLimit[] }): Promise<Placement>

  /** Counts a transfer as a started call, unless calls and transfers since a time have reached a limit. */
  countTransfer(
    transfer: { userId: string | null; at: number },
    rule: { since: number; limits: readonly StartLimit[] },
  ): Promise<TransferStart>

  /** The call that was placed under a key. */
  findByIdempotencyKey(
    userId: string | null,
    key: string,
  ): Promise<{ call: Call; requestHash: string | null } | undefined>

  /**
   * The right to ask Twilio for a call that has no SID and has not ended, until a time. Resolves to the call; undefined
   * if another process holds the lease at `now`, or there is no such call.
   */
  leaseDial(id: CallId, lease: { now: number; until: number }): Promise<Call | undefined>

  /** Ends the right to ask Twilio for the call. */
  releaseDial(id: CallId): Promise<void>

  /** Newest first. Rejects with `AppError` INVALID_REQUEST for a cursor that is not ours. */
  list(filter: CallFilter): Promise<{ calls: Call[]; nextCursor: string | null }>

  /**
   * Gives a placed call the SID that Twilio answered with, unless the call has one or the SID is another call's.
   * Resolves to the call that has this SID now.
   */
  attachSid(id: CallId, sid: CallSid): Promise<Call | undefined>

  /**
   * Takes in a report about a call; undefined for a call that is not known. A report that is repeated or late at most
   * adds the duration. With the change to a terminal status, who ended the call and what follows are stored in the same
   * transaction.
   */
  advanceStatus(
    call: CallId | CallSid,
    incoming: CallStatus,
    report: StatusReport,
  ): Promise<Advance | undefined>

  /** Notes who ended the call and why, before its status is terminal. The first note stays; resolves to whether this was it. */
  noteEnd(id: CallId, end: EndCause): Promise<boolean>

  /**
   * Gives the call a one-time token for its next socket until `expiresAt`, in steady time, in place of an earlier one.
   * The end of the last session is cleared, and can no longer be recorded by its id. Resolves to false, and changes
   * nothing, for a call that has ended or is not known.
   */
  issueToken(id: CallId, token: string, expiresAt: number): Promise<boolean>

  /** The call of a token, once; undefined for a token that is unknown, used, expired, or of a call that has ended. */
  claimToken(token: string, now: number): Promise<Call | undefined>

  /** The last token that was issued for the call, used or not; undefined where there was none. */
  lastToken(id: CallId): Promise<string | undefined>

  /** Counts one more resumption of a call that has not ended, up to `most`. Resolves to how many there were; undefined beyond. */
  resume(id: CallId, most: number): Promise<number | undefined>

  /** Notes the error code of a speech provider that has failed. Resolves to all of the call, in order. */
  addSpeechError(id: CallId, code: string): Promise<readonly string[]>

  /** A session of the call has opened: the end of the last one is cleared, and a failed transfer is `returned`. */
  openSession(id: CallId, sessionId: string): Promise<void>

  /**
   * Records how a session of the call ended; resolves to whether that was recorded. With `sessionId` only the end of
   * that session is, while no later one has opened.
   */
  endSession(id: CallId, session: { end: SessionEnd; sessionId?: string | undefined }): Promise<boolean>

  /**
   * Records how far the transfer of the call has come; resolves to whether that was recorded. A transfer that has started
   * does not start again before it has ended, and ends once.
   */
  setTransfer(id: CallId, transfer: TransferState): Promise<boolean>

  /** The call continues with another engine. */
  setEngine(id: CallId, engine: Engine): Promise<void>

  /** Notes how far the call has come in the phone menu of the other side. */
  setIvrState(id: CallId, state: IvrState): Promise<void>

  /** Notes with which versions of context and manifest the call continues. */
  setVersions(
    id: CallId,
    versions: Pick<Call, "contextKey" | "contextVersion" | "manifestKey" | "manifestVersion">,
  ): Promise<void>

  /** The number of the caller was checked and confirmed. In E.164 form. */
  setVerifiedNumber(id: CallId, number: string): Promise<void>

  /** A menu chose the agent of the call; `parameters` are added to those of the call. */
  setAgent(
    id: CallId,
    choice: Pick<Call, "agent" | "engine"> & { parameters: Parameters },
  ): Promise<Call | undefined>

  /** Where the call is in its menus; undefined for a call that never was in one. */
  menuOf(id: CallId): Promise<StoredMenu | undefined>

  /**
   * Stores where the call is in its menus now, if it still is at the revision `from` (0: in no menu yet) and has not
   * ended. Resolves to whether that was stored: of several at once, one is.
   */
  advanceMenu(id: CallId, advance: { from: number; state: MenuState }): Promise<boolean>

  /** Calls that have not ended, oldest first. */
  open(): Promise<Call[]>
}
