/** `parley serve`: starts and stops the server. */

import type { Server } from "bun"
import { createApp, type App, type SocketData } from "../app.ts"
import type { RecordedEvent } from "../call/events.ts"
import { localTimeOf } from "../call/local-time.ts"
import type { Config } from "../config/config.ts"
import { getLog } from "../lib/log.ts"
import { Sweep } from "../lib/sweep.ts"
import { watchOpenFiles } from "./open-files-watch.ts"
import { openListeners, type ListenAt, type StartListener } from "./listen.ts"

/** Largest request body in bytes; the routes allow less. */
const MAX_REQUEST_BYTES = 2 * 1024 * 1024
/** How long the server answers requests before it prepares what the first call would wait for, in milliseconds. */
const WARM_UP_AFTER_MS = 500

const IDLE_TIMEOUT_SECONDS = 60
/** How long webhooks are answered once the sockets of running calls are closed: Twilio asks within a second or two. */
const MOVE_MS = 3_000
/** With a successor only requests of connections that are open already come here. */
const MOVE_TO_SUCCESSOR_MS = 500
const SUCCESSOR_CHECK_MS = 200

export type Running = {
  port: number
  /** Address on this machine. */
  url: string
  /**
   * Lets running calls end within the time limit, moves the others to the next process, and closes everything.
   * `hasSuccessor`, asked again and again: whether another process listens on the same port.
   */
  stop(options: { hasSuccessor: () => boolean }): Promise<void>
  /** Closes everything now. */
  kill(): Promise<void>
}

export type ServeOptions = {
  /** Default: all addresses. */
  at?: ListenAt
  /** Receives every event of every call at once. */
  onEvent?: ((event: RecordedEvent) => void) | undefined
  /** Whether calls without a conversation in this process are looked up at Twilio. Default: they are. */
  watchesOpenCalls?: boolean
}

/** Listens. Rejects with `AppError` UNAVAILABLE when the port is in use. */
export async function serve(
  config: Config,
  { at = { kind: "all", isShared: false }, onEvent, watchesOpenCalls = true }: ServeOptions = {},
): Promise<Running> {
  const log = getLog("server")
  const app = await createApp(config, { watchesOpenCalls, ...(onEvent ? { onEvent } : {}) })
  const common = {
    maxRequestBodySize: MAX_REQUEST_BYTES,
    development: false as const,
    websocket: app.websocket,
    error(error: Error) {
      log.error("request failed outside of its route", { error })
      return Response.json(
        { error: { code: "INTERNAL", message: "An unexpected error occurred" } },
        { status: 500 },
      )
    },
  }
  const fetch = (request: Request, bun: Server<SocketData>) => app.fetch(request, bun)
  const start: StartListener<SocketData> = (address) =>
    "unix" in address
      ? Bun.serve({
          unix: address.unix,
          ...common,
          fetch(request, bun) {
            // The types allow no idleTimeout for a unix socket.
            bun.timeout(request, IDLE_TIMEOUT_SECONDS)
            return app.fetch(request, bun, address.peer)
          },
        })
      : Bun.serve({ ...address, ...common, fetch, idleTimeout: IDLE_TIMEOUT_SECONDS })
  const listeners = await listenOrClose(app, () => openListeners({ ...config, at, start }))
  const { port } = listeners
  app.listening(port)
  const watched = new Sweep()
  const stopWatch = watchOpenFiles({ sweep: watched, log })
  // The first look at the table of time zones takes tens of milliseconds, which no caller should wait for.
  watched.after(WARM_UP_AFTER_MS, () => void localTimeOf(watched.clock.now()))
  let stopping: Promise<void> | undefined
  const kill = async () => {
    stopWatch()
    watched[Symbol.dispose]()
    // Starts before the port is closed, so that sessions receive the reason.
    const closed = app.close()
    log.background("closing the port", listeners.close())
    await closed
  }
  const stop = async (hasSuccessor: () => boolean) => {
    // Without a successor webhooks are answered here to the end: they send Twilio to the next process after a pause.
    const releaseToSuccessor = () => {
      if (hasSuccessor()) listeners.release()
    }
    releaseToSuccessor()
    const sweep = new Sweep()
    const cancel = sweep.every(SUCCESSOR_CHECK_MS, releaseToSuccessor)
    await app.drain()
    await app.moveCalls(hasSuccessor() ? MOVE_TO_SUCCESSOR_MS : MOVE_MS)
    cancel()
    await kill()
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    stop: ({ hasSuccessor }) => (stopping ??= stop(hasSuccessor)),
    kill,
  }
}

async function listenOrClose<T>(app: App, listen: () => T): Promise<T> {
  try {
    return listen()
  } catch (error) {
    await app.close()
    throw error
  }
}
