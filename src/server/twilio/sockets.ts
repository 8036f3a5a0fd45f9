/** The WebSocket side of the server: checks upgrades of Twilio and of observers, and passes frames to their sessions. */

import type { Server, ServerWebSocket, WebSocketHandler } from "bun"
import type { Call } from "../../call/call.ts"
import type { SocketKind } from "../../call/engine.ts"
import { messageOf, toAppError } from "../../lib/errors.ts"
import type { Socket, SocketSession } from "../../lib/socket.ts"
import { SocketLiveness } from "../../lib/socket-liveness.ts"
import { mediaSocketAlias } from "../aliases/media-paths.ts"
import type { Origin, ServerContext } from "../context.ts"
import { userUpgrade } from "../aliases/user-socket.ts"
import { observerUpgrade, type ObserverOpening } from "../v1/observer-upgrade.ts"
import { CHALLENGE, isDirectLoopback } from "../auth.ts"
import { isFromTwilio, signatureFault } from "./guard.ts"

/** Largest frame that is accepted, in bytes. A turn of a caller is a few hundred bytes. */
const MAX_FRAME_BYTES = 256 * 1024
/** Bytes that may be queued for a slow reader before the socket is closed. */
const MAX_QUEUED_BYTES = 1024 * 1024

/** The call of a socket. `unclaimed`: the token comes in the first frame. */
export type SocketPurpose = { kind: SocketKind; call: Call | "unclaimed" }

export type OpenSession = (purpose: SocketPurpose, socket: Socket) => SocketSession

/** State of one socket. `failed`: the session could not be opened, and the socket closes with 1011. */
type SocketData =
  | { phase: "upgrading"; openSession: (socket: Socket) => SocketSession }
  | { phase: "live"; session: SocketSession; liveness: SocketLiveness }
  | { phase: "failed" }

export type Sockets = {
  /** Handles an upgrade request: undefined when the socket is open, otherwise the error response. */
  upgrade(origin: Origin, server: Server<SocketData>): Promise<Response | undefined>
  websocket: WebSocketHandler<SocketData>
  /** Number of open sockets. */
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

    async upgrade(origin, server) {
      const path = pathOf(origin.request)
      const purpose = purposeOf(path, config.compat)
      if (!purpose) return upgradedForObserver(origin, server, path)
      if (!isAuthentic(context, origin, path)) return refusedSignature(origin, path)
      return claimed(origin.request, server, purpose)
    },

    websocket: {
      maxPayloadLength: MAX_FRAME_BYTES,
      backpressureLimit: MAX_QUEUED_BYTES,
      closeOnBackpressureLimit: true,
      idleTimeout: 120,
      perMessageDeflate: false,
      open(ws) {
        open.add(ws)
        const { data } = ws
        ws.data = { phase: "failed" }
        guarded(() => {
          if (data.phase !== "upgrading") return
          const session = data.openSession(new ServerSocket(ws))
          const liveness = watch(ws)
          ws.data = { phase: "live", session, liveness }
          // The session may have closed the socket already.
          if (!open.has(ws)) liveness.stop()
        })
        // A socket without a session would stay open and unanswered.
        if (sessionOf(ws) === undefined) ws.close(1011, "the session could not be opened")
      },
      message(ws, message) {
        const { data } = ws
        if (data.phase !== "live") return
        try {
          // These sockets carry text only. A binary frame is passed on as one that cannot be parsed.
          data.session.receive(typeof message === "string" ? message : "")
        } catch (error) {
          failed(error)
        }
      },
      drain(ws) {
        guarded(() => sessionOf(ws)?.drained?.())
      },
      pong(ws) {
        if (ws.data.phase === "live") ws.data.liveness.seen()
      },
      close(ws, code, reason) {
        open.delete(ws)
        if (ws.data.phase === "live") ws.data.liveness.stop()
        guarded(() => sessionOf(ws)?.closed(code, reason))
      },
    },

    closeAll(code, reason) {
      for (const ws of open) ws.close(code, closeReason(reason))
    },
  }

  function refusedSignature({ request, server }: Origin, path: string): Response {
    const { control, failedSignatures } = context
    const peer = server.requestIP(request)?.address ?? "unknown"
    const { within, retryAfterSeconds } = failedSignatures.add(peer, control.sweep.clock.monotonic())
    if (!within) return refuse(429, "RATE_LIMITED", `Too many wrong signatures. Wait ${retryAfterSeconds} s.`)
    log.warn("socket refused, signature is missing or wrong", { path: path.replace(/[^/]{20,}$/, "…") })
    const fault = signatureFault(context, request, socketUrl(control, path))
    return refuse(403, "BAD_SIGNATURE", `${fault} A socket is signed with its wss:// URL.`)
  }

  /** Claims the one-time token. A database that is locked for a moment delays the upgrade and does not refuse it. */
  async function claimed(request: Request, server: Server<SocketData>, purpose: Purpose) {
    const found = await claim(context, purpose)
    if (!found) {
      log.warn("socket refused, its token is unknown, used or expired")
      return refuse(403, "FORBIDDEN", "This socket was opened before, or its token has expired.")
    }
    return upgraded(request, server, (socket) => openSession(found, socket))
  }

  async function upgradedForObserver(origin: Origin, server: Server<SocketData>, path: string) {
    const observer = await observerOf(origin, path)
    if (observer instanceof Response) return observer
    if (!observer) return refuse(404, "NOT_FOUND", "There is no socket at this path.")
    const refusal = upgraded(origin.request, server, observer.open)
    if (refusal) observer.abandon()
    return refusal
  }

  /** How to open the socket of an observer, or the error response; undefined for a socket of another kind. */
  async function observerOf(origin: Origin, path: string): Promise<ObserverOpening | Response | undefined> {
    try {
      return (await userUpgrade(context, origin, path)) ?? (await observerUpgrade(context, origin, path))
    } catch (thrown) {
      const { code, http, publicMessage, isLogged } = toAppError(thrown)
      if (isLogged) log.info("socket refused", { code })
      return refuse(http, code, publicMessage)
    }
  }

  /** Closes a socket whose peer is gone. Twilio, if it is still there, then asks for the next step. */
  function watch(ws: ServerWebSocket<SocketData>): SocketLiveness {
    const { socketPingMs: pingMs, socketStallMs: stallMs } = config.times
    return new SocketLiveness({
      socket: {
        get bufferedAmount() {
          return ws.getBufferedAmount()
        },
        ping: () => void ws.ping(),
      },
      times: { pingMs, stallMs },
      sweep: context.control.sweep,
      onLost(reason) {
        log.warn("socket lost, its peer is gone", { reason })
        ws.terminate()
      },
    })
  }

  /** An error in one frame must not end the call. */
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
  return data.phase === "live" ? data.session : undefined
}

function upgraded(
  request: Request,
  server: Server<SocketData>,
  openSession: (socket: Socket) => SocketSession,
): Response | undefined {
  if (server.upgrade(request, { data: { phase: "upgrading", openSession } })) return undefined
  return refuse(400, "INVALID_REQUEST", "This is not a WebSocket handshake.")
}

/** A class, so that all sockets share one shape: every frame of every call goes through one. */
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

  close(code: number, reason: string): void {
    this.#ws.close(code, closeReason(reason))
  }
}

type Purpose = { kind: SocketKind; token: string | undefined }

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

async function claim(
  { control }: ServerContext,
  { kind, token }: Purpose,
): Promise<SocketPurpose | undefined> {
  if (token === undefined) return { kind, call: "unclaimed" }
  const call = await control.store.calls.claimToken(token, control.store.steadyNow())
  return call && { kind, call }
}

function isAuthentic({ config, control }: ServerContext, origin: Origin, path: string) {
  if (!config.twilio.validateWebhooks && isDirectLoopback(config, origin)) return true
  return isFromTwilio({ config }, origin.request, socketUrl(control, path))
}

/** A socket is signed with its `wss://` URL. (Twilio: "Webhooks security".) */
function socketUrl(control: ServerContext["control"], path: string): string {
  return control.publicUrl().replace(/^http/, "ws") + path
}

function refuse(status: number, code: string, message: string): Response {
  const headers = status === 401 ? { "WWW-Authenticate": CHALLENGE } : {}
  return Response.json({ error: { code, message } }, { status, headers })
}
