/** Outgoing WebSockets: address, headers and the events of Bun's client, for every server that the program connects to. */

/** How a socket ended. `refusedStatus`: HTTP status of a refused upgrade, else null. */
export type SocketEnd = { code: number; reason: string; opened: boolean; refusedStatus: number | null }

/** Events of a socket, in order; `closed` is the last. */
export interface ClientSocketEvents {
  opened(): void
  /** A text frame. */
  text(text: string): void
  /** A binary frame, which the receiver may keep. Without it, a binary frame is delivered as an empty text. */
  binary?(bytes: Uint8Array): void
  /** The server has answered a ping. */
  ponged(): void
  /** Called once, whichever side closed it. */
  closed(end: SocketEnd): void
}

export interface ClientSocket {
  /** Bytes that were given to `send` and are not sent yet. */
  readonly bufferedAmount: number
  /** Sends a text or binary frame; bytes are copied. Without effect once the socket closes. Throws before it is open. */
  send(data: string | Uint8Array<ArrayBuffer>): void
  /** Sends a ping, which the server answers by itself. (RFC 6455, 5.5.2.) */
  ping(): void
  /** Begins the closing handshake. */
  close(code: number, reason: string): void
  /** Ends the connection at once. Harmless when it has ended. */
  terminate(): void
}

/** `url` begins with `ws:` or `wss:`. Keys belong into `headers`. */
export type SocketTarget = { url: string; headers: Record<string, string> }

/** The address of a socket below a base address: `http` becomes `ws`, `https` becomes `wss`. */
export function socketUrl(base: string, path: string): URL {
  const url = new URL(base)
  url.protocol = url.protocol.replace("http", "ws")
  url.pathname = url.pathname.replace(/\/+$/, "") + path
  return url
}

/**
 * Begins to connect; events are delivered later, never during the call. Bun's client has no deadline for the handshake:
 * the caller of this function needs one.
 */
export function connectSocket({ url, headers }: SocketTarget, events: ClientSocketEvents): ClientSocket {
  const socket = new WebSocket(url, { headers, perMessageDeflate: false })
  socket.binaryType = "nodebuffer"
  const listening = new AbortController()
  const { signal } = listening
  let opened = false
  let refusedStatus: number | null = null
  const onOpen = () => {
    opened = true
    events.opened()
  }
  const onMessage = ({ data }: MessageEvent) => {
    if (typeof data === "string") events.text(data)
    else if (events.binary && data instanceof Uint8Array) events.binary(data)
    else events.text("")
  }
  const onError = (event: Event) => {
    if (opened || !("message" in event)) return
    // Bun reports the status of a refused upgrade only in the message of the error.
    const status = /status code: ?(\d{3})/i.exec(String(event.message))?.[1]
    if (status !== undefined) refusedStatus = Number(status)
  }
  const onPong = () => events.ponged()
  // Every error is followed by a close.
  const onClose = ({ code, reason }: CloseEvent) => {
    listening.abort()
    events.closed({ code, reason, opened, refusedStatus })
  }
  socket.addEventListener("open", onOpen, { signal })
  socket.addEventListener("message", onMessage, { signal })
  socket.addEventListener("pong", onPong, { signal })
  socket.addEventListener("error", onError, { signal })
  socket.addEventListener("close", onClose, { signal })
  return socket
}
