/** Upgrades to an observer socket: finds the call, authenticates, checks the origin, and reserves a slot. */

import type { Call } from "../../call/call.ts"
import { CallId, CallSid } from "../../call/ids.ts"
import { TOO_MANY } from "../../call/observer-message.ts"
import { AppError } from "../../lib/errors.ts"
import type { Socket, SocketSession } from "../../lib/socket.ts"
import { ObserverSession } from "../../observers/observer-session.ts"
import type { Origin, Auth, ServerContext } from "../context.ts"
import { actingUser, authFromKey, givenKey, isOwn, tooManyRefused } from "../auth.ts"

export type ObserverOpening = {
  open: (socket: Socket) => SocketSession
  /** Called in place of `open` when the request is no WebSocket handshake. */
  abandon: () => void
}

type ObserverRequest = {
  /** SID or id of the call. */
  callName: string
  userId: string | undefined
  begins: "at-once" | "when-asked"
}

/** When an observer that found no free slot may try again, in seconds. */
export const RETRY_SLOT_SECONDS = 10

/**
 * How to open the socket that an upgrade request asks for; undefined when it is not an observer socket. Rejects with
 * `AppError` for a request that may not open it. A reason that a browser must be able to read is sent as the close
 * reason of an open socket.
 */
export async function observerUpgrade(
  context: ServerContext,
  origin: Origin,
  pathAndQuery: string,
): Promise<ObserverOpening | undefined> {
  const [pathname = "", search = ""] = pathAndQuery.split(/\?(.*)/s)
  const query = new URLSearchParams(search)
  const observerRequest = observerRequestOf(context, pathname, query)
  if (!observerRequest) return undefined
  if (observerRequest === "incomplete") return refusing(1008, "Missing callSid or user_id")
  if (context.control.draining()) throw new AppError("UNAVAILABLE", "The server is shutting down.")
  requireKnownOrigin(context, origin)
  const ticketAuth = await authFromTicket(context, query, observerRequest)
  const auth = ticketAuth ?? authFromKey(context.config, origin, keyIn(origin.request, query))
  if (!auth) {
    const flood = tooManyRefused(context, origin)
    if (flood) throw flood
    throw new AppError("UNAUTHORIZED", "This socket needs a key, a ticket, or to be opened on this machine.")
  }
  // A ticket acts for the user it was issued to.
  const userId = ticketAuth ? ticketAuth.userId : actingUser(auth, observerRequest.userId)
  const call = await namedCall(context, observerRequest.callName)
  const isVisible = call && isOwn(auth, call) && isOwn({ userId: call.userId === null ? null : userId }, call)
  if (!isVisible) return refusing(4404, "There is no such call")
  return openerOf(context, { call, userId, key: auth.key, begins: observerRequest.begins, query })
}

function observerRequestOf(
  { config }: ServerContext,
  pathname: string,
  query: URLSearchParams,
): ObserverRequest | "incomplete" | undefined {
  const callName = /^\/v1\/calls\/([\w-]{1,64})\/stream\/?$/.exec(pathname)?.[1]
  if (callName !== undefined)
    return { callName, userId: query.get("user_id") ?? undefined, begins: "at-once" }
  if (!config.compat.includes("s3") || !/^\/frontend-stream\/?$/.test(pathname)) return undefined
  const [callSid, userId] = [query.get("callSid"), query.get("user_id")]
  if (!callSid || !userId) return "incomplete"
  return { callName: callSid, userId, begins: "when-asked" }
}

type OpenerOptions = {
  call: Call
  userId: string | null
  key: string
  begins: ObserverRequest["begins"]
  query: URLSearchParams
}

async function openerOf(
  context: ServerContext,
  { call, userId, key, begins, query }: OpenerOptions,
): Promise<ObserverOpening> {
  const { control, observers, observerSlots, liveCalls, log } = context
  const after = Number(query.get("after") ?? "none")
  const since = new Date(control.sweep.clock.now()).toISOString()
  const holder = `a socket of ${call.sid ?? call.id} since ${since}`
  const release = await observerSlots.reserve({ userId, key }, holder)
  if (!release) return refusing(TOO_MANY, tooManyObservers(context, userId).message)
  const leave = release
  function open(socket: Socket): SocketSession {
    return new ObserverSession({
      socket,
      callId: call.id,
      call: async () => (await control.store.calls.byId(call.id)) ?? call,
      begins,
      afterId: Number.isSafeInteger(after) && after >= 0 ? after : undefined,
      wantsAudio: query.get("audio") !== "0",
      observers,
      events: control.store.events,
      isLive: () => liveCalls.get(call.id) !== undefined,
      leave,
      sweep: control.sweep,
      log,
    })
  }
  return { open, abandon: leave }
}

/** The error for an observer when all slots of its user or of its key are in use. */
export function tooManyObservers({ config, observerSlots }: ServerContext, userId: string | null): AppError {
  const { observersPerUser, observersPerKey } = config.limits
  const message = `Too many observers: ${observersPerUser} per user and ${observersPerKey} per key are allowed. Close one first.`
  const details = observerSlots.holders(userId).map((holder) => ({ message: `open: ${holder}` }))
  return new AppError("RATE_LIMITED", message, { details, retryAfterSeconds: RETRY_SLOT_SECONDS })
}

/** Opens the socket and closes it with a reason: a browser does not show a page why an upgrade was refused. */
function refusing(code: number, reason: string): ObserverOpening {
  function open(socket: Socket): SocketSession {
    socket.close(code, reason)
    return { receive() {}, closed() {} }
  }
  return { open, abandon: () => {} }
}

/** Allows pages of this server and of ALLOWED_ORIGINS, and clients that send no `Origin` because they are not browsers. */
function requireKnownOrigin(context: ServerContext, origin: Origin): void {
  const { config, control } = context
  const { headers } = origin.request
  const page = headers.get("origin")
  if (page === null || config.allowedOrigins.includes(page)) return
  const host = headers.get("host") ?? ""
  if (page === `http://${host}` || page === `https://${host}`) return
  if (page === new URL(control.publicUrl()).origin) return
  const flood = tooManyRefused(context, origin)
  throw (
    flood ?? new AppError("FORBIDDEN", "Pages of this origin may not watch calls. Add it to ALLOWED_ORIGINS.")
  )
}

async function authFromTicket(
  context: ServerContext,
  query: URLSearchParams,
  { callName }: ObserverRequest,
): Promise<Auth | undefined> {
  const ticket = query.get("ticket")
  const call = ticket === null ? undefined : await namedCall(context, callName)
  if (ticket === null || !call) return undefined
  const grant = await context.streamTokens.take(ticket, call.id, context.control.sweep.clock.monotonic())
  if (!grant) throw new AppError("UNAUTHORIZED", "This ticket was used before, or it has expired.")
  return { userId: grant.userId, key: grant.key }
}

function keyIn(request: Request, query: URLSearchParams): string | undefined {
  return givenKey(request) ?? query.get("key") ?? undefined
}

async function namedCall({ control }: ServerContext, name: string): Promise<Call | undefined> {
  const { calls } = control.store
  const sid = CallSid.safeParse(name)
  if (sid.success) return calls.bySid(sid.data)
  const id = CallId.safeParse(name)
  return id.success ? calls.byId(id.data) : undefined
}
