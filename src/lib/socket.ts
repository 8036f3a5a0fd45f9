/** A WebSocket as sessions use it, without library, upgrade and URL. */

export interface Socket {
  /** Sends one text frame. Returns what Bun's `send` returns: bytes written, -1 when queued, 0 when dropped. */
  send(text: string): number
  /** Runs `send` and writes its frames to the network at once, where the socket supports it. */
  together?(send: () => void): void
  /** Closes with a code and a reason. Closing twice is harmless. */
  close(code: number, reason: string): void
}

/** What a session offers to its socket. Every method is synchronous, so that frames keep their order. */
export interface SocketSession {
  /** One text frame from the other side. Never throws. */
  receive(text: string): void
  /** The socket closed, for any reason. Called once. */
  closed(code: number, reason: string): void
  /** Queued frames were sent: the socket accepts more. */
  drained?(): void
}
