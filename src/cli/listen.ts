/** Opens the sockets on which a server accepts connections. */

import { chmodSync } from "node:fs"
import type { Server } from "bun"
import { AppError } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { LOOPBACK } from "../lib/loopback.ts"
import { localSocketPath, type WorkerSettings } from "./supervisor/messages.ts"

/** How many ports are tried with `PORT_RETRY=1`. */
const MAX_PORTS = 10

export type ListenAt =
  /** This machine only. */
  | { kind: "loopback" }
  /** All addresses, in one process. `isShared`: another Parley listens on the port until it lets go. */
  | { kind: "all"; isShared: boolean }
  /** Beside a supervisor, which listens on `[::]`. */
  | { kind: "worker"; settings: WorkerSettings; isShared: boolean }

/** `Bun.serve` with the handlers of the server. */
export type StartListener<D> = (address: Address) => Server<D>

export type Address =
  | { hostname?: string; port: number; reusePort: boolean }
  /** `peer`: the address that clients of the socket have, where it is known. */
  | { unix: string; peer?: string }

export type ListenOptions<D> = {
  port: number
  /** Tries the next ports when this one is in use. */
  portRetry: boolean
  at: ListenAt
  start: StartListener<D>
}

export type Listeners = {
  port: number
  /** Accepts no further connections; open ones are served. Releasing twice is harmless. */
  release(): void
  /** Closes everything now. */
  close(): Promise<void>
}

/** Throws `AppError` UNAVAILABLE when the port is in use by another program. */
export function openListeners<D>(options: ListenOptions<D>): Listeners {
  const servers = open(options)
  const [first] = servers
  let isReleased = false
  return {
    port: first?.port ?? options.port,
    release() {
      if (isReleased) return
      isReleased = true
      // Resolves with the end of the last connection, for which nothing waits.
      for (const server of servers) getLog("server").background("releasing the port", server.stop())
    },
    async close() {
      await Promise.all(servers.map((server) => server.stop(true)))
    },
  }
}

function open<D>(options: ListenOptions<D>): Server<D>[] {
  const { at, start } = options
  const free = (port: number) => (at.kind !== "loopback" && at.isShared ? port : exclusively(port, start))
  switch (at.kind) {
    case "loopback":
      return [firstFree(options, (port) => start({ hostname: "127.0.0.1", port, reusePort: false }))]
    case "all":
      return [firstFree(options, (port) => start({ port: free(port), reusePort: true }))]
    case "worker": {
      const { port: given, socketPath } = at.settings
      const onPort = (port: number) => start({ hostname: "0.0.0.0", port, reusePort: true })
      const first = given === undefined ? firstFree(options, (port) => onPort(free(port))) : onPort(given)
      const local = localSocketPath(socketPath)
      const sockets = [start({ unix: socketPath }), start({ unix: local, peer: LOOPBACK })]
      for (const path of [socketPath, local]) chmodSync(path, 0o600)
      return [first, ...sockets, ...loopback6(first.port ?? options.port, start)]
    }
    default:
      return at satisfies never
  }
}

/**
 * With `reusePort` two programs of one user can listen on one port, and each would get half of the connections. So the
 * port must be free first. Throws EADDRINUSE.
 */
function exclusively<D>(port: number, start: StartListener<D>): number {
  const probe = start({ port, reusePort: false })
  const actual = probe.port ?? port
  getLog("server").background("probing the port", probe.stop(true))
  return actual
}

/** Without IPv6 there is none; the supervisor accepts these connections when another program has the address. */
function loopback6<D>(port: number, start: StartListener<D>): Server<D>[] {
  try {
    return [start({ hostname: "::1", port, reusePort: true })]
  } catch {
    return []
  }
}

function firstFree<T>(
  { port, portRetry }: { port: number; portRetry: boolean },
  start: (port: number) => T,
): T {
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
