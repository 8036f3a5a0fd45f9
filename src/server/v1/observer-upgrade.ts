/** Upgrades to an observer's socket: which call, whose right, from which page, and whether a seat is free. */

import type { Call } from "../../call/call.ts"
import { CallId, CallSid } from "../../call/ids.ts"
import { TOO_MANY } from "../../call/observer-message.ts"
import { AppError } from "../../lib/errors.ts"
import type { Socket, SocketSession } from "../../lib/socket.ts"
import { ObserverSession } from "../../observers/observer-session.ts"
import type { Origin, Principal, ServerContext } from "../context.ts"
import { actingUser, givenKey, principalWith, requireOwnCall } from "../auth.ts"

export type OpenObserver = (socket: Socket) => SocketSession

type Wish = {
  /** SID or id of the call. */
  name: string
  userId: string | undefined
  begins: "at-once" | "when-asked"
}

/** What a page is told again after, in seconds. */
export const RETRY_SEATS_SECONDS = 10

/**
 * What to do with an upgrade request: undefined when it is not for an observer's socket. Throws `AppError` for a
 * request without the right to it. What a browser must be able to read is told in the close reason of an open socket.
 */
export function observerUpgrade(
  context: ServerContext,
  origin: Origin,
  pathAndQuery: string,
): OpenObserver | undefined {
  const [pathname = "", search = ""] = pathAndQuery.split(/\?(.*)/s)
  const query = new URLSearchParams(search)
  const wish = wishOf(context, pathname, query)
  if (!wish) return undefined
  if (wish === "incomplete") return refusing(1008, "Missing callSid or user_id")
  if (context.control.draining()) throw new AppError("UNAVAILABLE", "The server is shutting down.")
  requireKnownPage(context, origin.request)
  const ticketed = ticketHolder(context, query, wish)
  const principal = ticketed ?? principalWith(context.config, origin, keyIn(origin.request, query))
  if (!principal) {
    throw new AppError("UNAUTHORIZED", "This socket needs a key, a ticket, or to be opened on this machine.")
  }
  // The user of a ticket is the one it was given to.
  const userId = ticketed ? ticketed.userId : actingUser(principal, wish.userId)
  const call = namedCall(context, wish.name)
  if (!call) return refusing(4404, "There is no such call")
  requireOwnCall(principal, call)
  if (userId !== null && call.userId !== null && call.userId !== userId) {
    throw new AppError("FORBIDDEN", "This call belongs to another user.")
  }
  return opening(context, { call, userId, begins: wish.begins, query })
}

function wishOf(
  { config }: ServerContext,
  pathname: string,
  query: URLSearchParams,
): Wish | "incomplete" | undefined {
  const name = /^\/v1\/calls\/([\w-]{1,64})\/stream\/?$/.exec(pathname)?.[1]
  if (name !== undefined) return { name, userId: query.get("user_id") ?? undefined, begins: "at-once" }
  if (!config.compat.includes("s3") || !/^\/frontend-stream\/?$/.test(pathname)) return undefined
  const [callSid, userId] = [query.get("callSid"), query.get("user_id")]
  if (!callSid || !userId) return "incomplete"
  return { name: callSid, userId, begins: "when-asked" }
}

type Opening = { call: Call; userId: string | null; begins: Wish["begins"]; query: URLSearchParams }

function opening(context: ServerContext, { call, userId, begins, query }: Opening): OpenObserver {
  const { control, observers, liveCalls } = context
  const after = Number(query.get("after") ?? "none")
  return function openObserver(socket) {
    const leave = observers.seat(userId)
    if (!leave) return refusing(TOO_MANY, tooManyObservers(context).message)(socket)
    return new ObserverSession({
      socket,
      callId: call.id,
      call: () => control.store.calls.byId(call.id) ?? call,
      begins,
      afterId: Number.isSafeInteger(after) && after >= 0 ? after : undefined,
      wantsAudio: query.get("audio") !== "0",
      observers,
      events: control.store.events,
      isLive: () => liveCalls.get(call.id) !== undefined,
      leave,
      sweep: control.sweep,
    })
  }
}

/** The refusal of an observer for whom there is no seat. */
export function tooManyObservers({ config }: ServerContext): AppError {
  const message = `Too many observers: ${config.limits.observersPerUser} per user are allowed. Close one first.`
  return new AppError("RATE_LIMITED", message, { retryAfterSeconds: RETRY_SEATS_SECONDS })
}

/** Opens the socket only to tell why it is closed: a browser shows a page nothing of a refused upgrade. */
function refusing(code: number, reason: string): OpenObserver {
  return function refuseObserver(socket) {
    socket.close(code, reason)
    return { receive() {}, closed() {} }
  }
}

/** A page may watch when it is ours or on the list; what is no browser sends no origin. */
function requireKnownPage({ config, control }: ServerContext, { headers }: Request): void {
  const page = headers.get("origin")
  if (page === null || config.allowedOrigins.includes(page)) return
  const host = headers.get("host") ?? ""
  if (page === `http://${host}` || page === `https://${host}`) return
  if (page === new URL(control.publicUrl()).origin) return
  throw new AppError("FORBIDDEN", "Pages of this origin may not watch calls. Add it to ALLOWED_ORIGINS.")
}

function ticketHolder(context: ServerContext, query: URLSearchParams, { name }: Wish): Principal | undefined {
  const ticket = query.get("ticket")
  const call = ticket === null ? undefined : namedCall(context, name)
  if (ticket === null || !call) return undefined
  const taken = context.streamTokens.take(ticket, call.id, context.control.sweep.clock.now())
  if (!taken) throw new AppError("UNAUTHORIZED", "This ticket was used before, or its time is over.")
  return { userId: taken.userId }
}

function keyIn(request: Request, query: URLSearchParams): string | undefined {
  return givenKey(request) ?? query.get("key") ?? undefined
}

function namedCall({ control }: ServerContext, name: string): Call | undefined {
  const { calls } = control.store
  const sid = CallSid.safeParse(name)
  if (sid.success) return calls.bySid(sid.data)
  const id = CallId.safeParse(name)
  return id.success ? calls.byId(id.data) : undefined
}
