/** `WS /user`: another system reports that callers have consented, are logged in, or have sent information. */

import { z } from "zod"
import { AppError, toAppError } from "../../lib/errors.ts"
import type { Log } from "../../lib/log.ts"
import { Sequence } from "../../lib/sequence.ts"
import type { Socket, SocketSession } from "../../lib/socket.ts"
import { invalidRequest } from "../errors.ts"
import { tooManyRefused } from "../auth.ts"
import type { CallerAccess, Origin, ServerContext } from "../context.ts"
import { callerAccess, givenAccess, reportWith } from "../v1/caller-access.ts"
import { eventKind, UserMessage } from "../v1/caller-schemas.ts"

/** Longest message, in characters. */
const MAX_MESSAGE_CHARS = 16_384
/** Messages that may wait for those before them. */
const MAX_WAITING = 32
/** Messages of one socket that may be refused before it is closed. */
const MAX_REFUSED = 20

export type UserOpening = { open: (socket: Socket) => SocketSession; abandon: () => void }

/**
 * How to open the socket that an upgrade request asks for; undefined for another path. Rejects with UNAUTHORIZED without a key
 * or the token of a call, and with RATE_LIMITED when too many are open.
 */
export async function userUpgrade(
  context: ServerContext,
  origin: Origin,
  pathAndQuery: string,
): Promise<UserOpening | undefined> {
  const [pathname = "", search = ""] = pathAndQuery.split(/\?(.*)/s)
  if (!context.config.compat.includes("s1") || !/^\/user\/?$/.test(pathname)) return undefined
  if (context.control.draining()) throw new AppError("UNAVAILABLE", "The server is shutting down.")
  const given = givenAccess(origin.request, new URLSearchParams(search))
  const access = await callerAccess(context, origin, given)
  if (!access) {
    const flood = tooManyRefused(context, origin)
    if (flood) throw flood
    const advice = "Send a key as Authorization: Bearer, or the token of a call as ?token=."
    throw new AppError("UNAUTHORIZED", `This socket needs a key or the token of a call. ${advice}`)
  }
  const release = context.userSockets.reserve(holderOf(access))
  if (!release)
    throw new AppError("RATE_LIMITED", "Too many of these sockets are open.", { retryAfterSeconds: 10 })
  return { open: (socket) => new UserSession({ context, access, socket, release }), abandon: release }
}

/** Who shares a limit of sockets. */
function holderOf(access: CallerAccess): string {
  return access.by === "key" ? `user ${access.auth.userId ?? ""}` : `token ${access.token.hash}`
}

type UserSessionOptions = {
  context: ServerContext
  access: CallerAccess
  socket: Socket
  release: () => void
}

class UserSession implements SocketSession {
  readonly #options: UserSessionOptions
  /** Reports take effect in the order in which they were sent. */
  readonly #sequence = new Sequence()
  readonly #cancelExpiry: () => void
  readonly #log: Log
  #waiting = 0
  #refused = 0
  #isOpen = true

  constructor(options: UserSessionOptions) {
    const { context, access, socket } = options
    this.#options = options
    this.#log = context.log
    const { sweep, store } = context.control
    this.#cancelExpiry =
      access.by === "token"
        ? sweep.after(Math.max(0, access.token.expiresAt - store.steadyNow()), () =>
            socket.close(4401, "the token has expired"),
          )
        : () => {}
  }

  receive(text: string): void {
    if (!this.#isOpen) return
    if (text.length > MAX_MESSAGE_CHARS) return this.#refuse(undefined, tooLong())
    if (this.#waiting >= MAX_WAITING) return this.#refuse(undefined, tooMany())
    this.#waiting += 1
    this.#log.background(
      "taking a report about a caller",
      this.#sequence.run(async () => {
        await this.#take(text)
        this.#waiting -= 1
      }),
    )
  }

  closed(): void {
    this.#isOpen = false
    this.#cancelExpiry()
    this.#options.release()
  }

  async #take(text: string): Promise<void> {
    const { context, access } = this.#options
    const message = readObject(text)
    const asked = typeof message?.["event"] === "string" ? message["event"].slice(0, 64) : undefined
    try {
      const parsed = UserMessage.safeParse(message)
      if (!parsed.success) throw message ? invalidRequest(parsed.error, "message") : notJson()
      const { phoneNumber: number, ...report } = parsed.data
      const { caller, state, liveCalls } = await reportWith(context, access, { ...report, number })
      if (liveCalls === 0)
        throw new AppError("CONFLICT", "The event is recorded, but no call with this number is running.")
      this.#send({
        event: report.event,
        success: true,
        phoneNumber: caller.number,
        kind: eventKind(report.event),
        state,
        liveCalls,
      })
    } catch (error) {
      this.#refuse(asked, toAppError(error))
    }
  }

  #refuse(asked: string | undefined, { code, publicMessage: message, http }: AppError): void {
    this.#log.info("a report about a caller was refused", { code })
    this.#send({ event: "error", ...(asked === undefined ? {} : { for: asked }), code, message })
    if (http < 500) this.#refused += 1
    if (this.#refused >= MAX_REFUSED) this.#options.socket.close(1008, "too many messages were refused")
  }

  #send(message: Record<string, unknown>): void {
    // A socket that takes nothing is closed by its liveness check.
    if (this.#isOpen) this.#options.socket.send(JSON.stringify(message))
  }
}

const JsonObject = z.record(z.string(), z.unknown())

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    return JsonObject.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function notJson(): AppError {
  return new AppError("INVALID_REQUEST", "The message is not a JSON object.")
}

function tooLong(): AppError {
  return new AppError("TOO_LARGE", `A message may have ${MAX_MESSAGE_CHARS} characters at most.`)
}

function tooMany(): AppError {
  return new AppError("RATE_LIMITED", "Too many messages wait.")
}
