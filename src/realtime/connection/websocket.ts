/** The socket of a Realtime connection: its interface, the address and headers of each provider, and Bun's client. */

/** How a socket ended. `refusedStatus`: HTTP status of a refused upgrade, else null. */
export type SocketEnd = { code: number; reason: string; opened: boolean; refusedStatus: number | null }

/** Events of a socket, in order; `closed` is the last. */
export interface RealtimeSocketEvents {
  opened(): void
  text(text: string): void
  /** The server has answered a ping. */
  ponged(): void
  /** Called once, whichever side closed it. */
  closed(end: SocketEnd): void
}

export interface RealtimeSocket {
  /** Bytes that were given to `send` and are not sent yet. */
  readonly bufferedAmount: number
  /** Sends a text frame; without effect once the socket closes. Throws before it is open. */
  send(text: string): void
  /** Sends a ping, which the server answers by itself. (RFC 6455, 5.5.2.) Without it the server is not pinged. */
  ping?(): void
  /** Begins the closing handshake. */
  close(code: number, reason: string): void
  /** Ends the connection at once. Harmless when it has ended. */
  terminate(): void
}

/** Begins to connect. Events are delivered later, never during the call. */
export type ConnectModel = (events: RealtimeSocketEvents) => RealtimeSocket

/** Address of the model and identity of the client. */
export type ModelTarget =
  | {
      provider: "openai"
      /** As in `https://api.openai.com/v1`: `http` becomes `ws`, `https` becomes `wss`. */
      baseUrl: string
      /** Without one no `Authorization` header is sent. */
      apiKey?: string | undefined
      model: string
      /** A hash of the caller, never the number itself. */
      safetyId?: string | undefined
    }
  | {
      provider: "azure"
      /** As in `https://my-resource.openai.azure.com`. */
      endpoint: string
      apiKey: string
      deployment: string
      /** A dated API version; none, or `v1`, selects the current one. */
      version?: string | undefined
    }

/**
 * Address and headers of a connection; keys are only in headers.
 * Sources: OpenAI "Realtime API with WebSocket"; Microsoft "Use the GPT Realtime API via WebSockets".
 */
export function addressOf(target: ModelTarget): { url: string; headers: Record<string, string> } {
  switch (target.provider) {
    case "openai": {
      const url = socketUrl(target.baseUrl, "/realtime")
      url.searchParams.set("model", target.model)
      const headers: Record<string, string> = {}
      if (target.apiKey !== undefined) headers["Authorization"] = `Bearer ${target.apiKey}`
      if (target.safetyId !== undefined) headers["OpenAI-Safety-Identifier"] = target.safetyId
      return { url: url.href, headers }
    }
    case "azure": {
      const { endpoint, version = "v1", deployment, apiKey } = target
      const root = endpoint.replace(/\/+$/, "").replace(/\/openai(?:\/v1)?$/, "")
      const current = version === "v1"
      const url = socketUrl(root, current ? "/openai/v1/realtime" : "/openai/realtime")
      if (!current) url.searchParams.set("api-version", version)
      url.searchParams.set(current ? "model" : "deployment", deployment)
      return { url: url.href, headers: { "api-key": apiKey } }
    }
    default:
      return target satisfies never
  }
}

function socketUrl(base: string, path: string): URL {
  const url = new URL(base)
  url.protocol = url.protocol.replace("http", "ws")
  url.pathname = url.pathname.replace(/\/+$/, "") + path
  return url
}

/** Connects with Bun's client, which has no deadline for the handshake: the caller of this function needs one. */
export function connectTo(target: ModelTarget): ConnectModel {
  return function connect(events) {
    const { url, headers } = addressOf(target)
    const socket = new WebSocket(url, { headers, perMessageDeflate: false })
    const listening = new AbortController()
    const { signal } = listening
    let opened = false
    let refusedStatus: number | null = null
    const onOpen = () => {
      opened = true
      events.opened()
    }
    // The protocol has text frames only; a binary one counts as malformed.
    const onMessage = ({ data }: MessageEvent) => events.text(typeof data === "string" ? data : "")
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
}
