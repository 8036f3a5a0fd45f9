/** A whole app on a port of its own, on a clock that the test moves. */

import { createApp, type App, type AppOptions } from "../../src/app.ts"
import type { RecordedEvent } from "../../src/call/events.ts"
import { readConfig } from "../../src/config/config.ts"
import type { Sweep } from "../../src/lib/sweep.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import { TestClock } from "../lib/test-clock.ts"
import { AUTH_TOKEN, Client, PUBLIC_URL } from "./client.ts"

const NEVER_MS = String(30 * 86_400_000)

export type AppUnderTestOptions = Pick<AppOptions, "createEngines"> & {
  /** Belongs to the app from then on. */
  clock?: TestClock
  /** Default: that of the clock. */
  sweep?: Sweep
}

export class AppUnderTest extends Client implements AsyncDisposable {
  readonly clock: TestClock
  readonly app: App
  /** What happened in all calls. */
  readonly events: AwaitableLog<RecordedEvent>
  readonly #server: Bun.Server<unknown>

  /** `env` is added to a configuration with an auth token, a public address and no database file. */
  static async start(
    env: Record<string, string> = {},
    { clock = new TestClock(), sweep = clock.sweep, ...options }: AppUnderTestOptions = {},
  ): Promise<AppUnderTest> {
    const config = readConfig({
      PUBLIC_URL,
      TWILIO_AUTH_TOKEN: AUTH_TOKEN,
      MODEL_PROVIDER: "demo",
      DATABASE_URL: ":memory:",
      ASSETS_DIR: "/nonexistent",
      TRANSCRIPT_LOG_DIR: "off",
      // On a clock that a test moves, no pong comes between two pings.
      MODEL_PING_MS: NEVER_MS,
      SOCKET_PING_MS: NEVER_MS,
      ...(env["API_KEYS"] === undefined ? { LOCAL_API: "open" } : {}),
      ...env,
    })
    const events = new AwaitableLog<RecordedEvent>("the events of the app")
    const app = await createApp(config, {
      ...options,
      sweep,
      onEvent: (event) => events.push(event),
    })
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, bun) => app.fetch(request, bun),
      websocket: app.websocket,
    })
    app.listening(server.port ?? 0)
    return new AppUnderTest({ app, server, clock, events, publicUrl: config.publicUrl ?? "" })
  }

  private constructor({ app, server, clock, events, publicUrl }: Parts) {
    super(`http://127.0.0.1:${server.port}`, publicUrl)
    this.clock = clock
    this.app = app
    this.events = events
    this.#server = server
  }

  get port(): number {
    return this.#server.port ?? 0
  }

  /** Resolves once the call has, or had, this status. */
  async status(callSid: string, status: string): Promise<void> {
    const isSo = (recorded: RecordedEvent) => recorded.callSid === callSid && hasStatus(recorded, status)
    if (!this.events.all.some(isSo)) await this.events.next(isSo)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close()
    await this.#server.stop(true)
    this.clock[Symbol.dispose]()
  }
}

type Parts = {
  app: App
  server: Bun.Server<unknown>
  clock: TestClock
  events: AwaitableLog<RecordedEvent>
  publicUrl: string
}

function hasStatus({ event }: RecordedEvent, status: string): boolean {
  return event.type === "call.status-changed" && event.status === status
}
