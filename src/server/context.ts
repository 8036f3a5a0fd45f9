/** What the routes are handed, and what travels with one request. */

import type { Context } from "hono"
import type { LiveCalls } from "../call/live-calls.ts"
import type { Config } from "../config.ts"
import type { ControlContext } from "../control/context.ts"
import type { Log } from "../lib/log.ts"

/** Who calls the API. `userId` null: may act for every user. */
export type Principal = { userId: string | null }

/** The connection behind a request; absent when a test calls the app directly. */
export type Connection = { requestIP(request: Request): { address: string } | null }

export type Env = {
  Bindings: { server?: Connection }
  Variables: { principal: Principal; form: Record<string, string | string[]>; requestId: string }
}

export type RequestContext = Context<Env>

export type ServerContext = {
  config: Config
  control: ControlContext
  liveCalls: LiveCalls
  /** Counts of what is open now, by name, for `/metrics`. */
  counts: () => Record<string, number>
  /** Milliseconds since the epoch at which the process started to serve. */
  startedAt: number
  log: Log
}
