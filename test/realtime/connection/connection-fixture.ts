/** A connection for tests: frames and events as lists, its changes of state as promises. */

import { RealtimeSettings } from "../../../src/assets/realtime-settings.ts"
import { getLog } from "../../../src/lib/log.ts"
import type { ConnectModel } from "../../../src/realtime/connection/websocket.ts"
import type { RealtimeEvent } from "../../../src/realtime/protocol/server-events.ts"
import {
  RealtimeConnection,
  type ConnectionFailure,
  type RealtimeConnectionEvents,
} from "../../../src/realtime/connection/connection.ts"
import { sessionFor } from "../../../src/realtime/protocol/session-update.ts"
import { TestClock } from "../../lib/test-clock.ts"

export const SESSION = sessionFor({
  model: "gpt-realtime-2.1",
  transcribeModel: "gpt-transcribe",
  settings: RealtimeSettings.parse({}),
  instructions: "Be kind",
  tools: [{ name: "end_call", description: "Ends the call", parameters: { type: "object" } }],
})

export const LIVENESS = { pingMs: 5_000, stallMs: 3_000 }

type Json = Record<string, unknown>

/** Adds fields to a client event that the program does not send, such as `event_id`. */
export function withFields(frame: string, fields: Json): string {
  return JSON.stringify({ ...JSON.parse(frame), ...fields })
}

export class ConnectionFixture implements Disposable {
  readonly clock = new TestClock()
  readonly events: RealtimeEvent[] = []
  /** Every frame of the server, also of types that the program does not use. */
  readonly frames: Json[] = []
  readonly failures: ConnectionFailure[] = []
  readonly connection: RealtimeConnection
  readonly #waitingForFrames: { type: string; resolve: (frame: Json) => void }[] = []
  #unreadFrames: Json[] = []
  readonly #waiting: { type: RealtimeEvent["type"]; resolve: (event: never) => void }[] = []
  readonly #ready = Promise.withResolvers<void>()
  readonly #lost = Promise.withResolvers<ConnectionFailure>()
  #unread: RealtimeEvent[] = []
  #ponged = Promise.withResolvers<void>()
  readyCount = 0

  constructor(connect: ConnectModel, options: { prelude?: string[]; onReady?: () => void } = {}) {
    const events: RealtimeConnectionEvents = {
      ready: () => {
        this.readyCount++
        options.onReady?.()
        this.#ready.resolve()
      },
      event: (event) => this.#take(event),
      lost: (failure) => {
        this.failures.push(failure)
        this.#lost.resolve(failure)
      },
    }
    this.connection = new RealtimeConnection({
      connect: (events) =>
        connect({
          opened: () => events.opened(),
          text: (text) => {
            this.#takeFrame(text)
            events.text(text)
          },
          ponged: () => {
            events.ponged()
            this.#ponged.resolve()
            this.#ponged = Promise.withResolvers()
          },
          closed: (end) => events.closed(end),
        }),
      session: SESSION,
      prelude: options.prelude ?? [],
      events,
      connectMs: 5_000,
      liveness: LIVENESS,
      sweep: this.clock.sweep,
      log: getLog("test"),
    })
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Resolves when the server answers the next ping. */
  get ponged(): Promise<void> {
    return this.#ponged.promise
  }

  get lost(): Promise<ConnectionFailure> {
    return this.#lost.promise
  }

  /** The next event of this type that was not asked for yet; those before it are skipped. */
  next<T extends RealtimeEvent["type"]>(type: T): Promise<Extract<RealtimeEvent, { type: T }>> {
    const at = this.#unread.findIndex((event) => event.type === type)
    const event = this.#unread[at]
    if (event) {
      this.#unread = this.#unread.slice(at + 1)
      return Promise.resolve(event as never)
    }
    return new Promise((resolve) => this.#waiting.push({ type, resolve }))
  }

  /** The next frame of this type that was not asked for yet; those before it are skipped. */
  nextFrame(type: string): Promise<Json> {
    const at = this.#unreadFrames.findIndex((frame) => frame["type"] === type)
    const frame = this.#unreadFrames[at]
    if (!frame) return new Promise((resolve) => this.#waitingForFrames.push({ type, resolve }))
    this.#unreadFrames = this.#unreadFrames.slice(at + 1)
    return Promise.resolve(frame)
  }

  [Symbol.dispose](): void {
    this.connection.close()
    this.clock.advance(2_000)
    this.clock[Symbol.dispose]()
  }

  #takeFrame(text: string): void {
    const frame = toJson(text)
    if (!frame) return
    this.frames.push(frame)
    const at = this.#waitingForFrames.findIndex(({ type }) => type === frame["type"])
    const [waiting] = at < 0 ? [] : this.#waitingForFrames.splice(at, 1)
    if (waiting) waiting.resolve(frame)
    else this.#unreadFrames.push(frame)
  }

  #take(event: RealtimeEvent): void {
    this.events.push(event)
    const at = this.#waiting.findIndex(({ type }) => type === event.type)
    const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1)
    if (waiting) waiting.resolve(event as never)
    else this.#unread.push(event)
  }
}

function toJson(text: string): Json | undefined {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === "object" && json !== null ? { ...json } : undefined
  } catch {
    return undefined
  }
}
