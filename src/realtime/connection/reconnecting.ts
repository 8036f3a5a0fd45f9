/**
 * The connection to the model for the whole of a call: one connection after another, each given the conversation so far.
 * Replaces a lost connection at once, and one that is about to expire between two turns.
 */

import type { Log } from "../../lib/log.ts"
import type { LivenessTimes } from "../../lib/socket-liveness.ts"
import type { Sweep } from "../../lib/sweep.ts"
import type { CallerAudio } from "../../media/caller-audio.ts"
import type { RealtimeEvent } from "../protocol/server-events.ts"
import { RealtimeConnection, type ConnectionFailure, type RealtimeConnectionOptions } from "./connection.ts"
import { ItemTexts } from "./item-texts.ts"
import type { ConnectModel } from "./websocket.ts"

/** Attempts at a new connection after a loss, and how long they may take together. */
const MAX_ATTEMPTS = 2
const OUTAGE_MS = 6_000
/** The first new attempt is made at once, the second after this. */
const SECOND_ATTEMPT_MS = 1_000
const RETRY_CONNECT_MS = 2_500
/**
 * A session is renewed this long before its end, or when half of a short one is over. Sessions last 60 minutes. Source:
 * OpenAI "Realtime conversations".
 */
const RENEW_BEFORE_MS = 5 * 60_000
/** How often a renewal that is due looks for a moment between two turns. */
const RENEWAL_CHECK_MS = 2_000

/** One connection with what belongs to it: ids of items and responses have no meaning on another one. */
export type ModelConnection = {
  /** Number of the connection in its call, from 1. */
  readonly epoch: number
  readonly items: ItemTexts
  /** Responses and items of which no further audio may be played. */
  readonly mutedIds: Set<string>
  /** Sends a frame of `client-events.ts`; without effect once the connection is gone. */
  readonly send: (text: string) => void
}

export interface ReconnectingConnectionEvents {
  /** A connection can be used. `again`: it replaces one that was lost. */
  ready(connection: ModelConnection, again: boolean): void
  event: (event: RealtimeEvent, connection: ModelConnection) => void
  /** The connection is lost, and another one is being made. */
  lost(failure: ConnectionFailure): void
  /** The connection is lost, and no other one will be made. The last event. */
  failed(failure: ConnectionFailure): void
}

export type ReconnectingConnectionOptions = {
  connect: ConnectModel
  callerAudio: Pick<CallerAudio, "sendTo" | "hold">
  /** The session object as it should be now. */
  session: () => object
  /** The conversation so far, as frames. */
  prelude: () => string[]
  /** Whether neither side speaks and no response is pending. */
  isBetweenTurns: () => boolean
  /** Longest wait for a connection, in milliseconds. */
  connectMs: number
  liveness: LivenessTimes
  events: ReconnectingConnectionEvents
  sweep: Sweep
  log: Log
}

type Opened = { readonly connection: RealtimeConnection; readonly model: ModelConnection }

type Renewal =
  | { phase: "none" }
  | { phase: "scheduled"; cancel: () => void }
  /** `next` will replace the connection in use. */
  | { phase: "connecting"; next: Opened }

type State =
  | { phase: "connecting"; opened: Opened }
  | { phase: "ready"; opened: Opened; renewal: Renewal }
  /** Lost; another attempt follows. */
  | { phase: "waiting"; cancel: () => void }
  /** The call is over: events still arrive, and nothing replaces the connection. */
  | { phase: "retired"; opened: Opened }
  | { phase: "closed" }

export class ReconnectingConnection {
  readonly #options: ReconnectingConnectionOptions
  #state: State
  #epoch = 0
  /** Grows with each change of the session object. */
  #revision = 0
  /** Attempts and failed responses since the model has last completed a response. */
  #failures = 0
  /** Start of the outage, in monotonic milliseconds; undefined while there is none. */
  #outageSince: number | undefined

  /** Begins to connect. */
  constructor(options: ReconnectingConnectionOptions) {
    this.#options = options
    this.#outageSince = options.sweep.clock.monotonic()
    this.#state = this.#connect(options.connectMs)
  }

  /** The connection that can be used; undefined while there is none. */
  get current(): ModelConnection | undefined {
    const state = this.#state
    return state.phase === "ready" || state.phase === "retired" ? state.opened.model : undefined
  }

  /** Sends the session object as it should be now. False: a connection that is being made will have it from the start. */
  update(): boolean {
    this.#revision += 1
    if (this.#state.phase !== "ready") return false
    return this.#state.opened.connection.update(this.#options.session()) !== null
  }

  /** The model has completed a response: earlier failures no longer count. */
  proven(): void {
    this.#failures = 0
    this.#outageSince = undefined
  }

  /** Whether a failed response may be requested again on the same connection. Counts as a failure. */
  mayRetry(): boolean {
    this.#outageSince ??= this.#now()
    this.#failures += 1
    return this.#failures <= MAX_ATTEMPTS
  }

  /** Replaces a connection that is open and does not work. */
  giveUp(failure: Pick<ConnectionFailure, "retryable" | "message" | "code">): void {
    const state = this.#state
    if (state.phase !== "connecting" && state.phase !== "ready") return
    state.opened.connection.close(1000, "replaced")
    this.#lost({ reason: "stalled", status: null, ...failure })
  }

  /** The call is over: no other connection is made. The one in use still reports events, until `close`. */
  retire(): void {
    const state = this.#state
    if (state.phase !== "ready") return this.close()
    this.#options.callerAudio.hold()
    this.#endRenewal(state.renewal)
    this.#state = { phase: "retired", opened: state.opened }
  }

  /** Ends the connection. Closing twice is harmless. */
  close(): void {
    const state = this.#state
    this.#state = { phase: "closed" }
    if (state.phase === "closed") return
    this.#options.callerAudio.hold()
    if (state.phase === "ready") this.#endRenewal(state.renewal)
    if (state.phase === "waiting") state.cancel()
    else state.opened.connection.close()
  }

  #connect(connectMs: number): State & { phase: "connecting" } {
    const again = this.#epoch > 0
    const opened = this.#open({
      connectMs,
      ready: () => this.#serve(opened, { again }),
      lost: (failure) => {
        if (this.#isInUse(opened)) this.#lost(failure)
      },
    })
    return { phase: "connecting", opened }
  }

  /** The connection is ready: pending responses are requested before the model gets the caller's audio. */
  #serve(opened: Opened, { again }: { again: boolean }): void {
    const { events, callerAudio } = this.#options
    this.#state = { phase: "ready", opened, renewal: { phase: "none" } }
    this.#outageSince = undefined
    this.#planRenewal(opened)
    try {
      events.ready(opened.model, again)
    } finally {
      // The requests may have been more than the connection takes.
      if (opened.connection.isReady) callerAudio.sendTo(opened.connection.socket)
    }
  }

  #open({
    connectMs,
    ready,
    lost,
  }: { connectMs: number } & Pick<RealtimeConnectionOptions["events"], "ready" | "lost">): Opened {
    const { connect, session, prelude, liveness, sweep, log, events } = this.#options
    this.#epoch += 1
    const model: ModelConnection = {
      epoch: this.#epoch,
      items: new ItemTexts(),
      mutedIds: new Set(),
      send: (text) => void connection.send(text),
    }
    let sentRevision = this.#revision
    const readSession = () => {
      sentRevision = this.#revision
      return session()
    }
    const connection: RealtimeConnection = new RealtimeConnection({
      connect,
      isSessionCurrent: () => sentRevision === this.#revision,
      // Both are read when the server is ready for them: the conversation may continue until then.
      get session() {
        return readSession()
      },
      get prelude() {
        return prelude()
      },
      connectMs,
      liveness,
      sweep,
      log,
      events: {
        ready,
        lost,
        event: (event) => {
          if (!this.#isInUse(opened)) return
          if (event.type === "session-updated") this.#planRenewal(opened)
          events.event(event, model)
        },
      },
    })
    const opened = { connection, model }
    return opened
  }

  #isInUse(opened: Opened): boolean {
    const state = this.#state
    return "opened" in state && state.opened === opened
  }

  #lost(failure: ConnectionFailure): void {
    const state = this.#state
    if (state.phase === "retired") this.#state = { phase: "closed" }
    if (state.phase !== "connecting" && state.phase !== "ready") return
    const { events, sweep, connectMs, callerAudio } = this.#options
    callerAudio.hold()
    if (state.phase === "ready") this.#endRenewal(state.renewal)
    this.#outageSince ??= this.#now()
    const isOver = this.#failures >= MAX_ATTEMPTS || this.#now() - this.#outageSince >= OUTAGE_MS
    if (!failure.retryable || isOver) {
      this.#state = { phase: "closed" }
      return events.failed(failure)
    }
    this.#failures += 1
    const retry = () => {
      this.#state = this.#connect(Math.min(connectMs, RETRY_CONNECT_MS))
    }
    // A server that refused, or failed twice, is given a moment.
    const delayMs = this.#failures === 1 && failure.status === null ? 0 : SECOND_ATTEMPT_MS
    const waiting = { phase: "waiting" as const, cancel: () => {} }
    this.#state = waiting
    events.lost(failure)
    if (this.#state !== waiting) return
    if (delayMs === 0) retry()
    else waiting.cancel = sweep.after(delayMs, retry)
  }

  #planRenewal({ connection }: Opened): void {
    const state = this.#state
    if (connection.expiresAt === null || state.phase !== "ready" || state.renewal.phase === "connecting")
      return
    const leftMs = connection.expiresAt - this.#now()
    this.#renewAfter(Math.max(RENEWAL_CHECK_MS, leftMs - RENEW_BEFORE_MS, leftMs / 2))
  }

  #renewAfter(ms: number): void {
    const state = this.#state
    if (state.phase !== "ready") return
    if (state.renewal.phase === "scheduled") state.renewal.cancel()
    const cancel = this.#options.sweep.after(ms, () => this.#renew())
    state.renewal = { phase: "scheduled", cancel }
  }

  /** Opens a connection beside the one in use. If the conversation continues meanwhile, the renewal is tried again later. */
  #renew(): void {
    const state = this.#state
    const { isBetweenTurns, connectMs, log } = this.#options
    if (state.phase !== "ready") return
    if (!isBetweenTurns()) return this.#renewAfter(RENEWAL_CHECK_MS)
    const isNext = () => state.renewal.phase === "connecting" && state.renewal.next === next
    const next = this.#open({
      connectMs,
      ready: () => {
        if (!isNext()) return
        if (!isBetweenTurns()) {
          next.connection.close()
          return this.#renewAfter(RENEWAL_CHECK_MS)
        }
        state.opened.connection.close(1000, "renewed")
        log.info("model session renewed")
        this.#serve(next, { again: false })
      },
      lost: (failure) => {
        if (this.#isInUse(next)) return this.#lost(failure)
        if (isNext()) this.#renewAfter(RENEWAL_CHECK_MS)
      },
    })
    state.renewal = { phase: "connecting", next }
  }

  #endRenewal(renewal: Renewal): void {
    if (renewal.phase === "scheduled") renewal.cancel()
    if (renewal.phase === "connecting") renewal.next.connection.close()
  }

  #now(): number {
    return this.#options.sweep.clock.monotonic()
  }
}
