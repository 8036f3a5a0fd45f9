/**
 * The supervisor's side of the port. Accepts connections that no worker accepts, holds them until one listens, and passes
 * their bytes on to its unix socket.
 */

import type { TCPSocketListener } from "bun"
import { isLoopback } from "../../lib/loopback.ts"
import { joinSockets, newPipeEnd, pipeHandlers, type PipeEnd, type PipeSocket } from "./connection-pipe.ts"
import { localSocketPath } from "./messages.ts"

/** Connections that are held at once; further ones are closed. */
const MAX_HELD = 1_000
/** How long a connection is held, in seconds. Twilio's own limit for a webhook is 15 seconds. */
const HOLD_SECONDS = 10

export class HeldConnections {
  readonly #waiting = new Set<PipeSocket>()
  #listener: TCPSocketListener<PipeEnd> | undefined
  #socketPath: string | undefined

  /** Connections that wait for a worker. */
  get size(): number {
    return this.#waiting.size
  }

  /**
   * A worker listens on the port and serves `socketPath`. Waiting and coming connections are passed on to it. The kernel
   * prefers the worker's listeners, on `0.0.0.0` and `[::1]`, because they are more specific than this one on `[::]`. So
   * this one accepts what is left: connections while no worker listens, and IPv6 connections from other machines.
   */
  workerListens(port: number, socketPath: string): void {
    if (!this.#listener) this.#listen("::", port)
    this.#socketPath = socketPath
    for (const socket of this.#waiting) this.#pass(socket, socketPath)
  }

  /** No worker listens: holds connections until the next one does. */
  workerEnded(port: number): void {
    this.#socketPath = undefined
    // Without IPv6 there is no listener beside the first worker. This one stays: closing it would reset connections that
    // the kernel has queued for it. It shares new connections with the next worker.
    if (!this.#listener) this.#listen("0.0.0.0", port)
  }

  /** Stops listening. Connections that were passed on stay open. Stopping twice is harmless. */
  stopListening(): void {
    this.#listener?.stop()
    this.#listener = undefined
  }

  #listen(hostname: "::" | "0.0.0.0", port: number): void {
    try {
      // The types of Bun.listen lack `reusePort`.
      const address = { hostname, port, reusePort: true }
      this.#listener = Bun.listen<PipeEnd>({
        ...address,
        allowHalfOpen: true,
        socket: {
          ...pipeHandlers,
          open: (socket) => this.#accept(socket),
          timeout: (socket) => this.#giveUp(socket),
          close: (socket) => {
            this.#waiting.delete(socket)
            pipeHandlers.close(socket)
          },
        },
      })
    } catch {
      // No IPv6, or another program has the port: then only the worker accepts connections.
    }
  }

  #accept(socket: PipeSocket): void {
    socket.data = newPipeEnd()
    // What a held connection has sent stays in the kernel's buffer, which is bounded.
    socket.pause()
    if (this.#waiting.size >= MAX_HELD) {
      socket.terminate()
      return
    }
    socket.timeout(HOLD_SECONDS)
    this.#waiting.add(socket)
    if (this.#socketPath !== undefined) this.#pass(socket, this.#socketPath)
  }

  #giveUp(socket: PipeSocket): void {
    if (this.#waiting.delete(socket)) socket.terminate()
  }

  #pass(socket: PipeSocket, socketPath: string): void {
    this.#waiting.delete(socket)
    const upstream = Bun.connect<PipeEnd>({
      unix: isLoopback(socket.remoteAddress) ? localSocketPath(socketPath) : socketPath,
      allowHalfOpen: true,
      data: newPipeEnd(),
      socket: {
        ...pipeHandlers,
        open(worker) {
          worker.pause()
          socket.timeout(0)
          joinSockets(socket, worker)
        },
      },
    })
    // The worker ended meanwhile: the next one takes the connection.
    upstream.catch(() => this.#waiting.add(socket))
  }
}
