/** A link with everything it told, for tests: its events as lists, its turning points as promises. */

import { RealtimeSettings } from "../../../src/assets/realtime-settings.ts"
import { getLog } from "../../../src/lib/log.ts"
import type { ConnectModel } from "../../../src/realtime/connection/websocket.ts"
import type { RealtimeEvent } from "../../../src/realtime/protocol/server-events.ts"
import {
  RealtimeConnection,
  type ConnectionFailure,
  type RealtimeLinkEvents,
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

export class LinkFixture implements Disposable {
  readonly clock = new TestClock()
  readonly events: RealtimeEvent[] = []
  readonly failures: ConnectionFailure[] = []
  readonly link: RealtimeConnection
  readonly #waiting: { type: RealtimeEvent["type"]; resolve: (event: never) => void }[] = []
  readonly #ready = Promise.withResolvers<void>()
  readonly #lost = Promise.withResolvers<ConnectionFailure>()
  #unread: RealtimeEvent[] = []
  readyCount = 0

  constructor(connect: ConnectModel, options: { prelude?: string[]; onReady?: () => void } = {}) {
    const events: RealtimeLinkEvents = {
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
    this.link = new RealtimeConnection({
      connect,
      session: SESSION,
      prelude: options.prelude ?? [],
      events,
      connectMs: 5_000,
      sweep: this.clock.sweep,
      log: getLog("test"),
    })
  }

  get ready(): Promise<void> {
    return this.#ready.promise
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

  [Symbol.dispose](): void {
    this.link.close()
    this.clock.advance(2_000)
    this.clock[Symbol.dispose]()
  }

  #take(event: RealtimeEvent): void {
    this.events.push(event)
    const at = this.#waiting.findIndex(({ type }) => type === event.type)
    const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1)
    if (waiting) waiting.resolve(event as never)
    else this.#unread.push(event)
  }
}
