/** What every route receives, and what belongs to one request. */

import type { Context } from "hono"
import type { AssetLibrary } from "../assets/library.ts"
import type { LiveCalls } from "../call/live-calls.ts"
import type { Config } from "../config/config.ts"
import type { ControlContext } from "../control/context.ts"
import type { Log } from "../lib/log.ts"
import type { Messenger } from "../messaging/messenger.ts"
import type { ObserverSlots } from "../observers/observer-slots.ts"
import type { Observers } from "../observers/observers.ts"
import type { CallerToken } from "../store/callers.ts"
import type { StreamTokens } from "../observers/stream-tokens.ts"
import type { FailedAttempts } from "./failed-attempts.ts"
import type { SocketSlots } from "./socket-slots.ts"

/** An authenticated request. */
export type Auth = {
  /** Null: the key may act for every user. */
  userId: string | null
  /** A hash of the key. */
  key: string
}

/** What lets a request report about callers: a key, for those of its user, or the token of one call. */
export type CallerAccess = { by: "key"; auth: Auth } | { by: "token"; token: CallerToken }

/**
 * Where a request came from. `request` must be the object that Bun passed to `fetch`: a copy, such as the one Hono
 * makes for a chunked body, has no connection.
 */
export type Origin = {
  request: Request
  server: {
    requestIP(request: Request): { address: string } | null
    /** Sets the idle timeout of the connection in seconds; 0: none. */
    timeout?(request: Request, seconds: number): void
  }
}

/** Where a request came from; `peer` is the address of the client where the connection does not carry it. */
export function originOf(request: Request, server: Origin["server"], peer?: string): Origin {
  if (peer === undefined) return { request, server }
  return {
    request,
    server: {
      requestIP: () => ({ address: peer }),
      timeout: (of, seconds) => server.timeout?.(of, seconds),
    },
  }
}

export type Env = {
  /** The origin is absent when a test calls the app directly. */
  Bindings: { origin?: Origin }
  Variables: {
    auth: Auth
    form: Record<string, string | string[]>
    /** Whether a webhook came with a key of the API in place of a signature. */
    isKeyed: boolean
    requestId: string
    callerAccess: CallerAccess
  }
}

export type RequestContext = Context<Env>

export type ServerContext = {
  config: Config
  control: ControlContext
  /** Assets, to read and to change. */
  library: AssetLibrary
  liveCalls: LiveCalls
  /** Conversations without a phone. */
  messenger: Messenger
  /** Observers of live calls. */
  observers: Observers
  observerSlots: ObserverSlots
  streamTokens: StreamTokens
  /** Sockets at `/user`. */
  userSockets: SocketSlots
  /** Refused signatures by peer. */
  failedSignatures: FailedAttempts
  /** Wrong API keys by peer. */
  failedKeys: FailedAttempts
  /** Path and query of a request, relative to the public address. */
  pathOf: (request: Request) => string
  /** Current counts by name, for `/metrics`. */
  counts: () => Record<string, number>
  /** When the process started to serve, in monotonic milliseconds. */
  startedAt: number
  log: Log
}
