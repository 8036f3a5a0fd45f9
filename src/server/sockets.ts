/** The WebSocket side of the server: upgrades that are Twilio's own and used once, and frames handed to their session. */

import type { Server, ServerWebSocket, WebSocketHandler } from "bun"
import type { Call } from "../call/call.ts"
import { messageOf } from "../lib/errors.ts"
import type { Socket, SocketSession } from "../lib/socket.ts"
import { verifySignature } from "../twilio/signature.ts"
import type { ServerContext } from "./context.ts"
import { isDirectLoopback } from "./principal.ts"
import { signatureFault } from "./webhook-guard.ts"

/** The largest frame that is taken, in bytes. A caller's turn is a few hundred. */
const MAX_FRAME_BYTES = 256 * 1024
/** What may wait for a slow reader before the socket is given up, in bytes. */
const MAX_QUEUED_BYTES = 1024 * 1024

/** What a socket is for. `unclaimed`: its token comes in the first frame. */
export type SocketPurpose = { kind: "relay"; call: Call } | { kind: "relay"; call: "unclaimed" }

export type OpenSession = (purpose: SocketPurpose, socket: Socket) => SocketSession

type SocketData = { purpose: SocketPurpose; session: SocketSession | undefined }

export type Sockets = {
  /** Answers an upgrade request: undefined when the socket is open, else the refusal. */
  upgrade(request: Request, server: Server<SocketData>): Response | undefined
  websocket: WebSocketHandler<SocketData>
  /** Sockets that are open. */
  readonly size: number
  /** Closes all of them. */
  closeAll(code: number, reason: string): void
}

export function createSockets(context: ServerContext, openSession: OpenSession): Sockets {
  const { log, config, pathOf } = context
  const open = new Set<ServerWebSocket<SocketData>>()

  return {
    get size() {
      return open.size
    },

    upgrade(request, server) {
      const path = pathOf(request)
      const purpose = purposeOf(path, config.compat)
      if (!purpose) return refuse(404, "NOT_FOUND", "There is no socket at this path.")
      if (!isAuthentic(context, request, path, server)) {
        log.warn("socket refused, signature is missing or wrong", { path: path.replace(/[^/]{20,}$/, "…") })
        const fault = signatureFault(config, request.headers.get("x-twilio-signature"))
        return refuse(403, "BAD_SIGNATURE", `${fault} A socket is signed with its wss:// URL.`)
      }
      const claimed = claim(context, purpose)
      if (!claimed) {
        log.warn("socket refused, its token is unknown, used or expired")
        return refuse(403, "FORBIDDEN", "This socket was opened before, or its time is over.")
      }
      const data: SocketData = { purpose: claimed, session: undefined }
      if (server.upgrade(request, { data })) return undefined
      return refuse(400, "INVALID_REQUEST", "This is not a WebSocket handshake.")
    },

    websocket: {
      maxPayloadLength: MAX_FRAME_BYTES,
      backpressureLimit: MAX_QUEUED_BYTES,
      closeOnBackpressureLimit: true,
      idleTimeout: 120,
      perMessageDeflate: false,
      open(ws) {
        open.add(ws)
        guarded(() => {
          ws.data.session = openSession(ws.data.purpose, {
            send: (text) => ws.send(text),
            close: (code, reason) => ws.close(code, closeReason(reason)),
          })
        })
        // Without a session nobody would ever answer, nor close it.
        if (!ws.data.session) ws.close(1011, "the session could not be opened")
      },
      message(ws, message) {
        // Only text belongs on these sockets; anything else is a frame that cannot be read.
        guarded(() => ws.data.session?.receive(typeof message === "string" ? message : ""))
      },
      close(ws, code, reason) {
        open.delete(ws)
        guarded(() => ws.data.session?.closed(code, reason))
      },
    },

    closeAll(code, reason) {
      for (const ws of open) ws.close(code, closeReason(reason))
    },
  }

  /** A fault in one frame is not the end of the call. */
  function guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      log.error("frame failed", {
        error: messageOf(error),
        stack: error instanceof Error ? error.stack : undefined,
      })
    }
  }
}

type Purpose = { kind: "relay"; token: string } | { kind: "relay"; token: undefined }

/** RFC 6455 allows 123 bytes. */
function closeReason(text: string): string {
  return Buffer.byteLength(text) <= 123 ? text : text.replace(/[^\x20-\x7e]/g, "?").slice(0, 123)
}

function purposeOf(path: string, compat: ServerContext["config"]["compat"]): Purpose | undefined {
  const token = /^\/twilio\/relay\/([A-Za-z0-9_-]{1,128})\/?$/.exec(path)?.[1]
  if (token) return { kind: "relay", token }
  if (compat.includes("s2") && /^\/conversation-relay\/?$/.test(path))
    return { kind: "relay", token: undefined }
  return undefined
}

function claim({ control }: ServerContext, { kind, token }: Purpose): SocketPurpose | undefined {
  if (token === undefined) return { kind, call: "unclaimed" }
  const call = control.store.calls.claimToken(token, control.sweep.clock.now())
  return call && { kind, call }
}

function isAuthentic(
  { config, control }: ServerContext,
  request: Request,
  path: string,
  server: Server<SocketData>,
) {
  if (!config.twilio.validateWebhooks && isDirectLoopback(config, { request, server })) return true
  return verifySignature({
    authTokens: config.twilio.authTokens,
    signature: request.headers.get("x-twilio-signature"),
    url: control.publicUrl().replace(/^http/, "ws") + path,
  })
}

function refuse(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status })
}
