/** `parley serve`: starts and stops the server. */

import { createApp, type App } from "../app.ts"
import type { Config } from "../config/config.ts"
import { AppError } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"

/** How many ports are tried with `PORT_RETRY=1`. */
const MAX_PORTS = 10
/** Largest request body in bytes; the routes allow less. */
const MAX_REQUEST_BYTES = 2 * 1024 * 1024

export type Running = {
  port: number
  /** Address on this machine. */
  url: string
  /** Lets running calls end within the time limit, then closes everything. */
  stop(): Promise<void>
  /** Closes everything now. */
  kill(): void
}

export type ServeOptions = {
  /** Only this machine can connect. */
  localOnly?: boolean
}

/** Listens. Throws `AppError` UNAVAILABLE when the port is taken. */
export function serve(config: Config, { localOnly = false }: ServeOptions = {}): Running {
  const log = getLog("server")
  const app = createApp(config)
  const server = listenOrClose(app, config, (port) =>
    Bun.serve({
      port,
      ...(localOnly ? { hostname: "127.0.0.1" } : {}),
      idleTimeout: 60,
      maxRequestBodySize: MAX_REQUEST_BYTES,
      development: false,
      // Bun would let two servers share one port, and each would get half of the calls.
      reusePort: false,
      fetch: (request, bun) => app.fetch(request, bun),
      websocket: app.websocket,
      error(error) {
        log.error("request failed outside of its route", { error })
        return Response.json(
          { error: { code: "INTERNAL", message: "An unexpected error occurred" } },
          { status: 500 },
        )
      },
    }),
  )
  const port = server.port ?? config.port
  app.listening(port)
  let stopping: Promise<void> | undefined
  const kill = () => {
    app.close()
    log.background("closing the port", server.stop(true))
  }
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    stop: () => (stopping ??= app.drain().then(kill)),
    kill,
  }
}

function listenOrClose<T>(app: App, config: Config, start: (port: number) => T): T {
  try {
    return listen(config, start)
  } catch (error) {
    app.close()
    throw error
  }
}

function listen<T>({ port, portRetry }: Config, start: (port: number) => T): T {
  const ports = portRetry && port > 0 ? Array.from({ length: MAX_PORTS }, (_, index) => port + index) : [port]
  for (const candidate of ports.filter((number) => number <= 65_535)) {
    try {
      return start(candidate)
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined
      if (code === "EACCES") {
        throw new AppError(
          "UNAVAILABLE",
          `This user may not listen on port ${candidate}. Set PORT to another one.`,
        )
      }
      if (code !== "EADDRINUSE") throw error
      if (candidate !== ports.at(-1)) {
        getLog("server").warn(`Port ${candidate} is in use, trying ${candidate + 1}`)
      }
    }
  }
  const tried = ports.length > 1 ? `Ports ${port} to ${port + ports.length - 1} are` : `Port ${port} is`
  throw new AppError(
    "UNAVAILABLE",
    `${tried} in use. Stop the program that uses it, set PORT to another one, or set PORT_RETRY=1 to try the next ones.`,
  )
}
