/** `POST /v1/calls/:sid/stream-ticket` and `GET /v1/events`: how browsers and programs come to watch calls. */

import { zValidator } from "@hono/zod-validator"
import { Hono } from "hono"
import { z } from "zod"
import { CallSid } from "../../call/ids.ts"
import { AppError } from "../../lib/errors.ts"
import { eventLines } from "../../observers/sse-stream.ts"
import type { StoredEvent } from "../../store/history.ts"
import { EventView, eventView } from "./call-views.ts"
import type { Env, ServerContext } from "../context.ts"
import { refuseInvalid } from "../errors.ts"
import { findCall } from "./find-call.ts"
import { tooManyObservers } from "./observer-upgrade.ts"
import type { Operation } from "./operation.ts"
import { requireOwnCall } from "../auth.ts"

/** Life of a ticket, in milliseconds. */
const TICKET_MS = 60_000

const TicketView = z
  .object({
    ticket: z.string().describe("Opens one socket: ?ticket=…"),
    url: z.string().describe("Address of the socket, with the ticket"),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: "StreamTicket" })

/** Each event of the stream carries one as its `data`. */
const StreamedEvent = EventView.extend({ callSid: z.string().nullable(), callId: z.string() })
  .describe("The data of each event of the stream")
  .meta({ id: "StreamedEvent" })

const EventStreamQuery = z.object({
  callSid: CallSid.optional().describe("Only the events of this call"),
  after: z.coerce.number().int().min(0).optional().describe("Begin after the event of this id"),
})

export const EVENT_OPERATIONS: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/calls/{sid}/stream-ticket",
    summary: "A ticket that opens one observer's socket of the call, for browsers",
    status: 201,
    answer: TicketView,
    errors: [400, 403, 404],
  },
  {
    method: "get",
    path: "/v1/events",
    summary: "Events of all calls as they happen (server-sent events)",
    query: EventStreamQuery,
    headers: { "Last-Event-ID": "Begin after the event of this id, as EventSource does by itself" },
    status: 200,
    answer: StreamedEvent,
    answerType: "text/event-stream",
    errors: [400, 403, 404, 429, 503],
  },
]

export function eventRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control, observers, streamTokens } = context

  app.post("/calls/:sid/stream-ticket", (c) => {
    const call = findCall(context, c)
    const expiresAt = control.sweep.clock.now() + TICKET_MS
    const ticket = streamTokens.issue({ callId: call.id, userId: c.get("auth").userId, expiresAt })
    const base = control.publicUrl().replace(/^http/, "ws")
    const answer: z.infer<typeof TicketView> = {
      ticket,
      url: `${base}/v1/calls/${call.sid ?? call.id}/stream?ticket=${ticket}`,
      expiresAt: new Date(expiresAt).toISOString(),
    }
    return c.json(answer, 201, { "Cache-Control": "no-store" })
  })

  app.get("/events", zValidator("query", EventStreamQuery, refuseInvalid("query")), (c) => {
    const { callSid, after } = c.req.valid("query")
    const auth = c.get("auth")
    const { calls, events } = control.store
    const call = callSid && calls.bySid(callSid)
    if (callSid && !call) throw new AppError("NOT_FOUND", "There is no such call.")
    if (call) requireOwnCall(auth, call)
    if (control.draining()) throw new AppError("UNAVAILABLE", "The server is shutting down.")
    const leave = observers.reserveSlot(auth.userId)
    if (!leave) throw tooManyObservers(context)
    const seen = Number(c.req.header("last-event-id") || "none")
    const { origin } = c.env
    // Between two events there may be more silence than the server allows other requests.
    origin?.server.timeout?.(origin.request, 0)
    const lines = eventLines({
      callId: call?.id ?? "all",
      afterId: Number.isSafeInteger(seen) && seen >= 0 ? seen : (after ?? events.lastId()),
      read: (page) => (call ? events.of(call.id, page) : events.since({ ...page, userId: auth.userId })),
      toJson: (event) => JSON.stringify(streamed(event)),
      observers,
      leave,
    })
    return c.body(lines, 200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-store",
      // Tells nginx not to gather the stream.
      "X-Accel-Buffering": "no",
    })
  })

  return app
}

function streamed(event: StoredEvent): z.infer<typeof StreamedEvent> {
  return { ...eventView(event), callSid: event.callSid, callId: event.callId }
}
