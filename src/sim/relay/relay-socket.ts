/** The connection under a relay session or a media stream: opens and closes with deadlines, reports its loss once. */

import type { Sweep } from "../../lib/sweep.ts"

export type RelaySocketOptions = {
  url: string
  headers: Record<string, string>
  sweep: Sweep
  onOpen: () => void
  onText: (text: string) => void
  /** The connection failed or broke, or the server closed it. Not called after `close` or `cut`. */
  onLost: (opened: boolean) => void
}

const CONNECT_TIMEOUT_MS = 10_000
/** How long a peer may take to answer a close before the connection is cut. */
const CLOSE_TIMEOUT_MS = 1_000

export class RelaySocket {
  /** Resolves when the connection is closed. Never rejects. */
  readonly closed: Promise<void>
  readonly #options: RelaySocketOptions
  readonly #closed = Promise.withResolvers<void>()
  readonly #socket: WebSocket
  #opened = false
  #wanted = true
  #cancelDeadline: () => void

  constructor(options: RelaySocketOptions) {
    const { url, headers, sweep } = options
    this.#options = options
    this.closed = this.#closed.promise
    this.#cancelDeadline = sweep.after(CONNECT_TIMEOUT_MS, () => this.#lost())
    this.#socket = new WebSocket(url, { headers, perMessageDeflate: false })
    this.#socket.addEventListener("open", () => {
      if (!this.#wanted) return
      this.#cancelDeadline()
      this.#opened = true
      options.onOpen()
    })
    this.#socket.addEventListener("message", ({ data }) => {
      // The protocol has text frames only; a binary one counts as a broken one.
      if (this.#wanted) options.onText(typeof data === "string" ? data : "")
    })
    // After an error a close always follows.
    this.#socket.addEventListener("close", () => {
      this.#lost()
      this.#closed.resolve()
    })
  }

  get live(): boolean {
    return this.#opened && this.#wanted && this.#socket.readyState === WebSocket.OPEN
  }

  /** What was sent but waits for a slow reader. */
  get unsentBytes(): number {
    return this.#socket.bufferedAmount
  }

  /** Sends a text frame while the connection is live. */
  send(text: string): void {
    if (this.live) this.#socket.send(text)
  }

  /** Ends the connection with a close frame. Closing twice is harmless. */
  close(code: number, reason: string): void {
    if (!this.#wanted) return
    this.#cancelDeadline()
    this.#wanted = false
    const cancel = this.#options.sweep.after(CLOSE_TIMEOUT_MS, () => {
      this.#socket.terminate()
      this.#closed.resolve()
    })
    this.#socket.addEventListener("close", cancel)
    this.#socket.close(code, reason)
  }

  /** Ends the connection with no close frame, as when a network fails. */
  cut(): void {
    this.#cancelDeadline()
    this.#wanted = false
    this.#socket.terminate()
    this.#closed.resolve()
  }

  #lost(): void {
    if (!this.#wanted) return
    const opened = this.#opened
    this.cut()
    this.#options.onLost(opened)
  }
}
