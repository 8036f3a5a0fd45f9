/** The WebSocket side of the server: upgrades that are Twilio's own and used once, and frames handed to their session. */

import type { Server, ServerWebSocket, WebSocketHandler } from "bun"
import type { Call } from "../../call/call.ts"
import { messageOf, toAppError } from "../../lib/errors.ts"
import type { Socket, SocketSession } from "../../lib/socket.ts"
import { retryWhileLocked } from "../../store/busy-retry.ts"
import { mediaSocketAlias } from "../aliases/media-paths.ts"
import type { Origin, ServerContext } from "../context.ts"
import { observerUpgrade, type OpenObserver } from "../v1/observer-upgrade.ts"
import { isDirectLoopback } from "../auth.ts"
import { isFromTwilio, signatureFault } from "./guard.ts"

/** The largest frame that is taken, in bytes. A caller's turn is a few hundred. */
const MAX_FRAME_BYTES = 256 * 1024
/** What may wait for a slow reader before the socket is given up, in bytes. */
const MAX_QUEUED_BYTES = 1024 * 1024

/** What a socket is for. `unclaimed`: its token comes in the first frame. */
export type SocketPurpose = { kind: "relay" | "media"; call: Call | "unclaimed" }

export type OpenSession = (purpose: SocketPurpose, socket: Socket) => SocketSession

/**
 * What hangs on a socket: at first how to open its session, then the session itself, which every frame goes to with no
 * detour. Undefined when it could not be opened.
 */
type SocketData = ((socket: Socket) => SocketSession) | SocketSession | undefined

export type Sockets = {
  /** Answers an upgrade request: undefined when the socket is open, else the refusal. */
  upgrade(request: Request, server: Server<SocketData>): Response | undefined | Promise<Response | undefined>
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
      const observer = observerOf({ request, server }, path)
      if (observer instanceof Response) return observer
      if (observer) return upgraded(request, server, observer)
      const purpose = purposeOf(path, config.compat)
      if (!purpose) return refuse(404, "NOT_FOUND", "There is no socket at this path.")
      if (!isAuthentic(context, request, path, server)) return refusedSignature(request, server, path)
      return claimed(request, server, purpose)
    },

    websocket: {
      maxPayloadLength: MAX_FRAME_BYTES,
      backpressureLimit: MAX_QUEUED_BYTES,
      closeOnBackpressureLimit: true,
      idleTimeout: 120,
      perMessageDeflate: false,
      open(ws) {
        open.add(ws)
        const openSession = ws.data
        ws.data = undefined
        guarded(() => {
          if (typeof openSession === "function") ws.data = openSession(new ServerSocket(ws))
        })
        // Without a session nobody would ever answer, nor close it.
        if (!ws.data) ws.close(1011, "the session could not be opened")
      },
      message(ws, message) {
        try {
          // Only text belongs on these sockets; anything else is a frame that cannot be read.
          sessionOf(ws)?.receive(typeof message === "string" ? message : "")
        } catch (error) {
          failed(error)
        }
      },
      drain(ws) {
        guarded(() => sessionOf(ws)?.drained?.())
      },
      pong(ws) {
        guarded(() => sessionOf(ws)?.ponged?.())
      },
      close(ws, code, reason) {
        open.delete(ws)
        guarded(() => sessionOf(ws)?.closed(code, reason))
      },
    },

    closeAll(code, reason) {
      for (const ws of open) ws.close(code, closeReason(reason))
    },
  }

  function refusedSignature(request: Request, server: Server<SocketData>, path: string): Response {
    const { control, failedSignatures } = context
    const peer = server.requestIP(request)?.address ?? "unknown"
    const { within, retryAfterSeconds } = failedSignatures.add(peer, control.sweep.clock.now())
    if (!within) return refuse(429, "RATE_LIMITED", `Too many wrong signatures. Wait ${retryAfterSeconds} s.`)
    log.warn("socket refused, signature is missing or wrong", { path: path.replace(/[^/]{20,}$/, "…") })
    const fault = signatureFault(context, request, socketUrl(control, path))
    return refuse(403, "BAD_SIGNATURE", `${fault} A socket is signed with its wss:// URL.`)
  }

  /** The token counts once; a database that is held for a moment refuses nobody. */
  async function claimed(request: Request, server: Server<SocketData>, purpose: Purpose) {
    const { sweep } = context.control
    const found = await retryWhileLocked(sweep, () => claim(context, purpose))
    if (!found) {
      log.warn("socket refused, its token is unknown, used or expired")
      return refuse(403, "FORBIDDEN", "This socket was opened before, or its time is over.")
    }
    return upgraded(request, server, (socket) => openSession(found, socket))
  }

  /** How to open an observer's socket, or why not; undefined for a socket of another kind. */
  function observerOf(origin: Origin, path: string): OpenObserver | Response | undefined {
    try {
      return observerUpgrade(context, origin, path)
    } catch (thrown) {
      const { code, http, told } = toAppError(thrown)
      log.info("observer refused", { code })
      return refuse(http, code, told)
    }
  }

  /** A fault in one frame is not the end of the call. */
  function guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      failed(error)
    }
  }

  function failed(error: unknown): void {
    log.error("frame failed", {
      error: messageOf(error),
      stack: error instanceof Error ? error.stack : undefined,
    })
  }
}

function sessionOf({ data }: ServerWebSocket<SocketData>): SocketSession | undefined {
  return typeof data === "function" ? undefined : data
}

function upgraded(
  request: Request,
  server: Server<SocketData>,
  openSession: (socket: Socket) => SocketSession,
): Response | undefined {
  if (server.upgrade(request, { data: openSession })) return undefined
  return refuse(400, "INVALID_REQUEST", "This is not a WebSocket handshake.")
}

/** Of one shape and with shared methods, since every frame of every call goes through one. */
class ServerSocket implements Socket {
  readonly #ws: ServerWebSocket<SocketData>

  constructor(ws: ServerWebSocket<SocketData>) {
    this.#ws = ws
  }

  send(text: string): number {
    return this.#ws.send(text)
  }

  together(send: () => void): void {
    this.#ws.cork(send)
  }

  ping(): void {
    this.#ws.ping()
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, closeReason(reason))
  }
}

type Purpose = { kind: "relay" | "media"; token: string | undefined }

/** RFC 6455 allows 123 bytes. */
function closeReason(text: string): string {
  return Buffer.byteLength(text) <= 123 ? text : text.replace(/[^\x20-\x7e]/g, "?").slice(0, 123)
}

function purposeOf(path: string, compat: ServerContext["config"]["compat"]): Purpose | undefined {
  const [, kind, token] = /^\/twilio\/(relay|media)\/([A-Za-z0-9_-]{1,128})\/?$/.exec(path) ?? []
  if (token) return { kind: kind === "media" ? "media" : "relay", token }
  if (compat.includes("s2") && /^\/conversation-relay\/?$/.test(path))
    return { kind: "relay", token: undefined }
  const media = mediaSocketAlias(path, compat)
  return media && { kind: "media", ...media }
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
  return isFromTwilio({ config }, request, socketUrl(control, path))
}

/** A socket is signed with its `wss://` URL. (Twilio: "Webhooks security".) */
function socketUrl(control: ServerContext["control"], path: string): string {
  return control.publicUrl().replace(/^http/, "ws") + path
}

function refuse(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status })
}
