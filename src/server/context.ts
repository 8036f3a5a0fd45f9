/** What the routes are handed, and what travels with one request. */

import type { Context } from "hono"
import type { AssetLibrary } from "../assets/library.ts"
import type { LiveCalls } from "../call/live-calls.ts"
import type { Config } from "../config/config.ts"
import type { ControlContext } from "../control/context.ts"
import type { Log } from "../lib/log.ts"
import type { Messenger } from "../messaging/messenger.ts"
import type { Observers } from "../observers/observers.ts"
import type { StreamTokens } from "../observers/stream-tokens.ts"
import type { FailedSignatures } from "./twilio/failed-signatures.ts"

/** Who calls the API. `userId` null: may act for every user. */
export type Principal = { userId: string | null }

/**
 * Where a request came from. Only the request as Bun handed it over leads to its connection: a copy, as Hono makes one
 * of a chunked body, does not.
 */
export type Origin = {
  request: Request
  server: {
    requestIP(request: Request): { address: string } | null
    /** Sets how long the connection may be silent, in seconds; 0: for ever. */
    timeout?(request: Request, seconds: number): void
  }
}

export type Env = {
  /** The origin is absent when a test calls the app directly. */
  Bindings: { origin?: Origin }
  Variables: { principal: Principal; form: Record<string, string | string[]>; requestId: string }
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
  /** Who watches calls. */
  observers: Observers
  streamTokens: StreamTokens
  /** Refused signatures by peer. */
  failedSignatures: FailedSignatures
  /** Path and query of a request below the public address. */
  pathOf: (request: Request) => string
  /** Counts of what is open now, by name, for `/metrics`. */
  counts: () => Record<string, number>
  /** Milliseconds since the epoch at which the process started to serve. */
  startedAt: number
  log: Log
}
