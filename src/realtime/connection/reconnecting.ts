/**
 * The way to the model for as long as a call lasts: one connection after another, each with the conversation so far.
 * Lost ones are replaced, and one that is about to expire hands over between two turns.
 */

import type { Log } from "../../lib/log.ts"
import type { Sweep } from "../../lib/sweep.ts"
import type { CallerAudio } from "../../media/caller-audio.ts"
import { ConversationItems } from "./item-texts.ts"
import type { ConnectModel } from "./websocket.ts"
import type { RealtimeEvent } from "../protocol/server-events.ts"
import { RealtimeConnection, type ConnectionFailure, type RealtimeConnectionOptions } from "./connection.ts"
import { ResponseQueue } from "./response-queue.ts"

/** Tries for a new connection after a loss, and how long they may take together. */
const MAX_TRIES = 2
const OUTAGE_MS = 6_000
/** A new connection is asked for at once, and once more after this. */
const SECOND_TRY_MS = 1_000
const RETRY_CONNECT_MS = 2_500
/**
 * How long before its end a session is replaced, or when half of a short one is over. (OpenAI: "Realtime conversations":
 * sessions last 60 minutes.)
 */
const RENEW_BEFORE_MS = 5 * 60_000
/** How soon it is looked again for a moment between two turns. */
const LOOK_AGAIN_MS = 2_000

/** One connection with what belongs to it: names of items and responses mean nothing on another one. */
export type ModelConnection = {
  readonly epoch: number
  readonly link: RealtimeConnection
  readonly queue: ResponseQueue
  readonly items: ConversationItems
  /** What the model has said in an item so far, heard or not. */
  readonly textOf: (itemId: string) => string
  /** Responses of which no more may be heard. */
  readonly dead: Set<string>
}

export interface ModelLineEvents {
  /** A connection can be used. `again`: it takes the place of one that was lost. */
  ready(again: boolean): void
  event: (event: RealtimeEvent, modelConnection: ModelConnection) => void
  /** The connection is lost, and another one is being made. */
  lost(failure: ConnectionFailure): void
  /** There will be no other one. Nothing comes after it. */
  failed(failure: ConnectionFailure): void
}

export type ReconnectingConnectionOptions = {
  connect: ConnectModel
  /** What the model is to hear. */
  callerAudio: CallerAudio
  /** The session object as it should be now. */
  session: () => object
  /** The conversation so far, as frames. */
  prelude: () => string[]
  /** Whether nobody speaks and nothing is owed. */
  isBetweenTurns: () => boolean
  /** Longest wait for a connection, in milliseconds. */
  connectMs: number
  events: ModelLineEvents
  sweep: Sweep
  log: Log
}

export class ReconnectingConnection {
  readonly #options: ReconnectingConnectionOptions
  #current: ModelConnection | undefined
  /** What will take the place of the current one. */
  #next: ModelConnection | undefined
  #epoch = 0
  #tries = 0
  #outageSince: number | undefined
  #closed = false
  #cancelRetry = () => {}
  #cancelRenewal = () => {}

  /** Begins to connect. */
  constructor(options: ReconnectingConnectionOptions) {
    this.#options = options
    this.#outageSince = options.sweep.clock.now()
    this.#connect(options.connectMs)
  }

  /** The connection that can be used; undefined while there is none. */
  get modelConnection(): ModelConnection | undefined {
    return this.#current?.link.isReady ? this.#current : undefined
  }

  /** Tells the model how the session should be now. */
  update(): void {
    this.modelConnection?.link.update(this.#options.session())
  }

  /** The model has answered: what went wrong before does not count any more. */
  proven(): void {
    this.#tries = 0
    this.#outageSince = undefined
  }

  /** Whether an answer that failed may be asked for again on the same connection. */
  mayAskAgain(): boolean {
    this.#outageSince ??= this.#now()
    this.#tries += 1
    return this.#tries <= MAX_TRIES
  }

  /** Gives the connection up: it is there, but of no use. */
  giveUp(failure: Pick<ConnectionFailure, "retryable" | "message">): void {
    const current = this.#current
    if (!current) return
    current.link.close(1000, "replaced")
    this.#lost({ reason: "stalled", status: null, ...failure })
  }

  /** The caller is gone: no other connection is made. The one in use still tells what comes, until it is closed. */
  retire(): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.callerAudio.hold()
    this.#cancelRetry()
    this.#cancelRenewal()
    this.#next?.link.close()
    if (!this.modelConnection) this.close()
  }

  /** There is no connection any more. */
  close(): void {
    this.retire()
    this.#current?.link.close()
    this.#current = undefined
  }

  #connect(connectMs: number): void {
    const again = this.#epoch > 0
    const modelConnection = this.#open({
      connectMs,
      ready: () => this.#serve(modelConnection, { again }),
      lost: (failure) => {
        if (this.#current === modelConnection) this.#lost(failure)
      },
    })
    this.#current = modelConnection
  }

  /** The connection is ready: first the dialogue says what it owes, then the model hears the caller. */
  #serve({ link }: ModelConnection, { again }: { again: boolean }): void {
    const { events, callerAudio } = this.#options
    this.#outageSince = undefined
    try {
      events.ready(again)
    } finally {
      // What is owed may have been too much for it.
      if (link.isReady) callerAudio.sendTo(link.socket)
    }
  }

  #open({
    connectMs,
    ready,
    lost,
  }: { connectMs: number } & Pick<RealtimeConnectionOptions["events"], "ready" | "lost">): ModelConnection {
    const { connect, session, prelude, sweep, log, events } = this.#options
    const { event: take } = events
    const items = new ConversationItems()
    this.#epoch += 1
    const modelConnection: ModelConnection = {
      epoch: this.#epoch,
      link: new RealtimeConnection({
        connect,
        // Both are asked for when the server is ready for them: the conversation may go on until then.
        get session() {
          return session()
        },
        get prelude() {
          return prelude()
        },
        connectMs,
        sweep,
        log,
        events: {
          ready,
          lost,
          event: (event) => {
            if (this.#current !== modelConnection) return
            if (event.type === "session-created" || event.type === "session-updated")
              this.#planRenewal(modelConnection)
            take(event, modelConnection)
          },
        },
      }),
      queue: new ResponseQueue((text) => void modelConnection.link.send(text)),
      items,
      textOf: (itemId) => {
        const item = items.get(itemId)
        return item?.kind === "agent" ? item.generated : ""
      },
      dead: new Set(),
    }
    return modelConnection
  }

  #lost(failure: ConnectionFailure): void {
    if (this.#closed) return
    const { events, sweep, connectMs, callerAudio } = this.#options
    this.#current = undefined
    callerAudio.hold()
    this.#cancelRenewal()
    this.#next?.link.close()
    this.#next = undefined
    this.#outageSince ??= this.#now()
    const isOver = this.#tries >= MAX_TRIES || this.#now() - this.#outageSince >= OUTAGE_MS
    if (!failure.retryable || isOver) {
      this.close()
      return events.failed(failure)
    }
    this.#tries += 1
    events.lost(failure)
    const retry = () => this.#connect(Math.min(connectMs, RETRY_CONNECT_MS))
    // Whoever refused or is gone for the second time is given a moment.
    if (this.#tries === 1 && failure.status === null) retry()
    else this.#cancelRetry = sweep.after(SECOND_TRY_MS, retry)
  }

  #planRenewal({ link }: ModelConnection): void {
    if (link.expiresAtMs === null) return
    const leftMs = link.expiresAtMs - this.#now()
    this.#renewAfter(Math.max(LOOK_AGAIN_MS, leftMs - RENEW_BEFORE_MS, leftMs / 2))
  }

  #renewAfter(ms: number): void {
    this.#cancelRenewal()
    if (this.#closed) return
    this.#cancelRenewal = this.#options.sweep.after(ms, () => this.#renew())
  }

  /** Makes a connection beside the one in use. If the conversation goes on meanwhile, it is made again later. */
  #renew(): void {
    const { isBetweenTurns, connectMs, log } = this.#options
    if (!isBetweenTurns()) return this.#renewAfter(LOOK_AGAIN_MS)
    const next = this.#open({
      connectMs,
      ready: () => {
        if (this.#next !== next) return
        this.#next = undefined
        if (!isBetweenTurns()) {
          next.link.close()
          return this.#renewAfter(LOOK_AGAIN_MS)
        }
        const old = this.#current
        this.#current = next
        old?.link.close(1000, "handed over")
        this.#planRenewal(next)
        log.info("conversation handed over to a new session of the model")
        this.#serve(next, { again: false })
      },
      lost: () => {
        if (this.#next === next) {
          this.#next = undefined
          this.#renewAfter(LOOK_AGAIN_MS)
        } else if (this.#current === next) {
          this.#lost({ reason: "closed", retryable: true, status: null, message: "closed after a hand-over" })
        }
      },
    })
    this.#next = next
  }

  #now(): number {
    return this.#options.sweep.clock.now()
  }
}
