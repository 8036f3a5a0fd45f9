/** A WebSocket as the sessions see it: no library, no upgrade, no URL. */

export interface Socket {
  /** Sends one text frame. Returns what Bun's `send` returns: bytes written, -1 when queued, 0 when dropped. */
  send(text: string): number
  /** Runs `send` and hands what it sends to the network in one go, where the socket can. */
  together?(send: () => void): void
  /** Asks the other side for a sign of life, which comes as `ponged`. (RFC 6455, 5.5.2.) */
  ping?(): void
  /** Closes with a code and a reason. Closing twice is harmless. */
  close(code: number, reason: string): void
}

/** What a session offers to the socket it lives on. Every method is synchronous, so that frames keep their order. */
export interface SocketSession {
  /** One text frame from the other side. Never throws. */
  receive(text: string): void
  /** The socket is gone, for whatever reason. Called once. */
  closed(code: number, reason: string): void
  /** The other side answered a ping. */
  ponged?(): void
  /** What had to wait was sent: the socket takes more again. */
  drained?(): void
}
