/** Passes the bytes of two TCP or unix sockets on to each other, with backpressure and half-close. */

import type { Socket, SocketHandler } from "bun"

export type PipeSocket = Socket<PipeEnd>

export type PipeEnd = {
  peer: PipeSocket | undefined
  /** What this socket has still to send; its peer is paused meanwhile. */
  unsent: Uint8Array | undefined
  /** Nothing more will be read from this socket. */
  hasEnded: boolean
  /** What follows once `unsent` is sent. */
  then: "nothing" | "half-close" | "close"
}

export function newPipeEnd(): PipeEnd {
  return { peer: undefined, unsent: undefined, hasEnded: false, then: "nothing" }
}

/** Connects two open sockets that were paused; both begin to read. */
export function joinSockets(left: PipeSocket, right: PipeSocket): void {
  left.data.peer = right
  right.data.peer = left
  left.resume()
  right.resume()
}

/**
 * The handlers of both sides. At most one read of each direction waits in this process. The sockets must be opened with
 * `allowHalfOpen`.
 */
export const pipeHandlers = {
  data(socket, bytes) {
    const { peer } = socket.data
    if (!peer) return
    const written = Math.max(0, peer.write(bytes))
    if (written === bytes.byteLength) return
    peer.data.unsent = bytes.subarray(written)
    socket.pause()
  },
  drain(socket) {
    const { unsent, peer } = socket.data
    if (!unsent) return
    const written = Math.max(0, socket.write(unsent))
    if (written < unsent.byteLength) {
      socket.data.unsent = unsent.subarray(written)
      return
    }
    socket.data.unsent = undefined
    finish(socket)
    peer?.resume()
  },
  end(socket) {
    socket.data.hasEnded = true
    const { peer } = socket.data
    if (!peer) {
      socket.end()
      return
    }
    peer.data.then = peer.data.hasEnded ? "close" : "half-close"
    if (!peer.data.unsent) finish(peer)
  },
  close(socket) {
    const { peer } = socket.data
    socket.data.peer = undefined
    if (!peer) return
    peer.data.peer = undefined
    peer.data.then = "close"
    if (!peer.data.unsent) finish(peer)
  },
  error(socket) {
    socket.end()
  },
} satisfies SocketHandler<PipeEnd>

function finish(socket: PipeSocket): void {
  switch (socket.data.then) {
    case "nothing":
      return
    case "half-close":
      socket.shutdown()
      return
    case "close":
      socket.end()
      return
    default:
      socket.data.then satisfies never
  }
}
