/** The socket of a Realtime connection: its interface, the address and headers of each provider, and Bun's client. */

import { connectSocket, socketUrl, type SocketTarget, type SocketEnd } from "../../lib/client-socket.ts"

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
export function addressOf(target: ModelTarget): SocketTarget {
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

/** Connects with Bun's client, which has no deadline for the handshake: the caller of this function needs one. */
export function connectTo(target: ModelTarget): ConnectModel {
  return function connect(events) {
    return connectSocket(addressOf(target), events)
  }
}
