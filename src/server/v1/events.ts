/** `/v1/calls/:sid/events`, `/v1/events` and `/v1/calls/:sid/stream-ticket`: stored events, and how clients observe calls. */

import { Hono } from "hono"
import { z } from "zod"
import type { RecordedEvent } from "../../call/events.ts"
import { CallSid } from "../../call/ids.ts"
import { AppError } from "../../lib/errors.ts"
import { eventLines } from "../../observers/sse-stream.ts"
import type { StoredEvent } from "../../store/history.ts"
import { isOwn } from "../auth.ts"
import type { Env, ServerContext } from "../context.ts"
import { CALL_ERRORS, CALL_PARAMS, CALL_SID, findCall } from "./find-call.ts"
import { tooManyObservers } from "./observer-upgrade.ts"
import { named, operation, query, withExamples } from "../openapi/operation.ts"

/** Lifetime of a ticket, in milliseconds. */
const TICKET_MS = 60_000

const EVENT_EXAMPLE = {
  id: 7,
  at: "2026-11-20T19:40:21.120Z",
  type: "caller.spoke",
  turnId: "01a1fa8c-2f4e-7d7c-8a37-2b5c4d6f8e90",
  text: "What are your opening hours?",
  lang: "en-US",
}

const EventView = named(
  "Event",
  z
    .looseObject({ id: z.number().int(), at: z.iso.datetime(), type: z.string() })
    .describe("One fact of a call; further fields depend on the type"),
  EVENT_EXAMPLE,
)

const StreamedEvent = named(
  "StreamedEvent",
  EventView.extend({ callSid: z.string().nullable(), callId: z.string() }).describe(
    "The `data` of each event of the stream",
  ),
  { ...EVENT_EXAMPLE, callSid: CALL_SID, callId: "01a1fa76-d0a9-7164-84bd-294cf38574ea" },
)

const EventList = withExamples(
  z.object({
    events: z.array(EventView),
    nextAfterId: z.number().int().nullable().describe("`afterId` of the next page; null on the last one"),
  }),
  { events: [EVENT_EXAMPLE], nextAfterId: null },
)

const EventsQuery = z.strictObject({
  afterId: z.coerce.number().int().min(0).optional().describe("Only events after this one"),
  limit: z.coerce.number().int().min(1).max(1000).default(500).describe("Events on one page"),
})

const EventStreamQuery = z.strictObject({
  callSid: CallSid.optional().describe("Only the events of this call"),
  after: z.coerce.number().int().min(0).optional().describe("Start after the event with this id"),
})

const TicketView = named(
  "StreamTicket",
  z.object({
    ticket: z.string().describe("Opens one socket: ?ticket=…"),
    url: z.string().describe("Address of the socket, with the ticket"),
    expiresAt: z.iso.datetime(),
  }),
  {
    ticket: "q0BzM4Yk1c5T0mHc3S5oXkPzv0cUeWc3l2yq3mJx8aE",
    url: `wss://voice.example.com/v1/calls/${CALL_SID}/stream?ticket=q0BzM4Yk1c5T0mHc3S5oXkPzv0cUeWc3l2yq3mJx8aE`,
    expiresAt: "2026-11-20T19:41:02.000Z",
  },
)

export function eventRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control, observers, observerSlots, streamTokens } = context
  const { store } = control

  app.get(
    "/v1/calls/:sid/events",
    operation({
      id: "listCallEvents",
      tag: "Events",
      summary: "List what happened in a call, in order",
      params: CALL_PARAMS,
      responses: { 200: { description: "One page of events", schema: EventList } },
      errors: CALL_ERRORS,
    }),
    query(EventsQuery),
    async (c) => {
      const call = await findCall(context, c)
      const { afterId, limit } = c.req.valid("query")
      const events = await store.events.of(call.id, { limit, ...(afterId === undefined ? {} : { afterId }) })
      const last = events.length === limit ? (events.at(-1)?.id ?? null) : null
      return c.json({ events: events.map(eventView), nextAfterId: last })
    },
  )

  app.post(
    "/v1/calls/:sid/stream-ticket",
    operation({
      id: "createStreamTicket",
      tag: "Events",
      summary: "Create a ticket that opens one observer socket of the call, for browsers",
      description:
        "A browser cannot send a key with a socket. A server requests the ticket and passes it to the page, which " +
        "opens the WebSocket `/v1/calls/{sid}/stream?ticket=…` once, within a minute.",
      params: CALL_PARAMS,
      responses: { 201: { description: "The ticket", schema: TicketView } },
      errors: CALL_ERRORS,
    }),
    async (c) => {
      const call = await findCall(context, c)
      const { clock } = control.sweep
      const expiresAt = clock.monotonic() + TICKET_MS
      const ticket = await streamTokens.issue({ callId: call.id, ...c.get("auth"), expiresAt })
      const base = control.publicUrl().replace(/^http/, "ws")
      const view: z.infer<typeof TicketView> = {
        ticket,
        url: `${base}/v1/calls/${call.sid ?? call.id}/stream?ticket=${ticket}`,
        expiresAt: new Date(clock.now() + TICKET_MS).toISOString(),
      }
      return c.json(view, 201, { "Cache-Control": "no-store" })
    },
  )

  app.get(
    "/v1/events",
    operation({
      id: "streamEvents",
      tag: "Events",
      summary: "Stream the events of all calls as they happen (server-sent events)",
      description: "A key that is bound to a user receives the events of that user's calls.",
      headers: {
        "Last-Event-ID": {
          description: "Start after the event with this id. `EventSource` sends it when it reconnects.",
          example: "7",
        },
      },
      responses: {
        200: { description: "A stream of events", schema: StreamedEvent, type: "text/event-stream" },
      },
      errors: [404],
    }),
    query(EventStreamQuery),
    async (c) => {
      const { callSid, after } = c.req.valid("query")
      const auth = c.get("auth")
      const { calls, events } = store
      const call = callSid && (await calls.bySid(callSid))
      if (callSid && !(call && isOwn(auth, call))) throw new AppError("NOT_FOUND", "There is no such call.")
      if (control.draining()) throw new AppError("UNAVAILABLE", "The server is shutting down.")
      const seen = Number(c.req.header("last-event-id") || "none")
      const afterId = Number.isSafeInteger(seen) && seen >= 0 ? seen : (after ?? (await events.lastId()))
      const holder = `GET /v1/events since ${new Date(control.sweep.clock.now()).toISOString()}`
      const leave = await observerSlots.reserve(auth, holder)
      if (!leave) throw tooManyObservers(context, auth.userId)
      const { origin } = c.env
      // Events may be further apart than the idle timeout of other requests.
      origin?.server.timeout?.(origin.request, 0)
      const lines = eventLines({
        callId: call?.id ?? "all",
        afterId,
        read: (page) => (call ? events.of(call.id, page) : events.since({ ...page, userId: auth.userId })),
        toJson: (event) => JSON.stringify(streamed(event)),
        observers,
        leave,
      })
      return c.body(lines, 200, {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-store",
        // nginx does not buffer a response with this header.
        "X-Accel-Buffering": "no",
      })
    },
  )

  return app
}

function eventView({ id, at, event }: RecordedEvent & { id: number }): z.infer<typeof EventView> {
  return { id, at: new Date(at).toISOString(), ...event }
}

function streamed(event: StoredEvent): z.infer<typeof StreamedEvent> {
  return { ...eventView(event), callSid: event.callSid, callId: event.callId }
}
