/** `/v1/calls`: place, list, read and end calls. */

import { Hono } from "hono"
import { z } from "zod"
import { AVAILABLE_ENGINES } from "../../call/engine.ts"
import { IvrMenu } from "../../call/ivr-menu.ts"
import { CallStatus } from "../../call/status.ts"
import { hangUpByApi } from "../../control/hang-up.ts"
import { placeCall, type PlaceCall } from "../../control/place-call.ts"
import { RepeatedRefusal } from "../../control/placements.ts"
import { AppError } from "../../lib/errors.ts"
import { actingUser } from "../auth.ts"
import type { Env, ServerContext } from "../context.ts"
import { ParametersField } from "./call-parameters.ts"
import { CALL_EXAMPLE, CallView, viewOf, viewsOf } from "./call-view.ts"
import { CALL_ERRORS, CALL_PARAMS, CALL_SID, findCall } from "./find-call.ts"
import { jsonBody, named, operation, query, withExamples } from "../openapi/operation.ts"

const PlaceCallBody = named(
  "PlaceCall",
  z.strictObject({
    to: z
      .string()
      .min(1)
      .max(64)
      .describe("Number to call, with an extension if there is one; national form with DEFAULT_COUNTRY"),
    from: z.string().min(1).max(64).optional().describe("One of the account's numbers"),
    agent: z.string().min(1).max(64).optional().describe("Key of an agent; default: the agent of `from`"),
    engine: z
      .enum(AVAILABLE_ENGINES)
      .optional()
      .describe("How the call is conducted; default: as its agent says"),
    parameters: ParametersField.describe("Free fields, shown to the model and usable as {placeholders}"),
    prompt: z
      .string()
      .min(1)
      .max(100_000)
      .optional()
      .describe("Instructions for this call, in place of the context"),
    firstMessage: z.string().max(4000).optional().describe("First words, in place of the greeting"),
    first_message: z.string().max(4000).optional().describe("Another name of firstMessage"),
    contextKey: z.string().max(128).optional().describe("Another context than the agent's"),
    manifestKey: z.string().max(128).optional().describe("Another tool manifest than the agent's"),
    ivrMenu: z
      .union([IvrMenu, z.string().min(1).max(128), z.null()])
      .optional()
      .describe(
        "Phone menu of the called party: its entries, or the key of a stored one; null: none. Default: the one stored for `to`",
      ),
    timeoutSeconds: z.number().int().min(5).max(600).optional().describe("Longest ringing; default 60"),
    userId: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe("User the call belongs to; a bound key has its own"),
  }),
  {
    to: "+15550100001",
    firstMessage: "Hello Anna, this is Acme.",
    parameters: { firstname: "Anna", callReference: "order-1042" },
  },
)

const ListCallsQuery = z.strictObject({
  status: CallStatus.optional().describe("Only calls with this status"),
  direction: z.enum(["inbound", "outbound"]).optional().describe("Only calls in this direction"),
  agent: z.string().max(64).optional().describe("Only calls of this agent"),
  to: z.string().max(64).optional().describe("Only calls to this number, in E.164 form"),
  from: z.string().max(64).optional().describe("Only calls from this number, in E.164 form"),
  userId: z.string().max(128).optional().describe("Only calls of this user"),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Calls on one page"),
  cursor: z.string().max(256).optional().describe("`nextCursor` of the page before"),
})

const CallList = withExamples(
  z.object({
    calls: z.array(CallView),
    nextCursor: z.string().nullable().describe("`cursor` of the next page; null on the last one"),
  }),
  { calls: [CALL_EXAMPLE], nextCursor: null },
)

const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, "must be 1 to 255 printable characters without blanks")
  .optional()

export function callRoutes(context: ServerContext): Hono<Env> {
  const app = new Hono<Env>()
  const { control } = context
  const { store } = control

  app.post(
    "/v1/calls",
    operation({
      id: "placeCall",
      tag: "Calls",
      summary: "Place a call",
      headers: {
        "Idempotency-Key": {
          description:
            "1 to 255 printable characters without blanks. A repeated request with the same key and the same body " +
            "returns the same call and dials no number; with another body it is refused with 409.",
          example: "order-1042",
        },
      },
      responses: {
        201: {
          description: "The call is placed, or was placed by an earlier request with the same key.",
          schema: CallView,
          headers: {
            Location: { description: "Path of the call", example: `/v1/calls/${CALL_SID}` },
            "Idempotency-Replayed": {
              description:
                "`true` when an earlier request with the same key placed the call; absent otherwise",
              example: "true",
            },
          },
        },
      },
      errors: [403, 409, 502],
    }),
    jsonBody(PlaceCallBody),
    async (c) => {
      const {
        userId,
        contextKey,
        manifestKey,
        first_message,
        firstMessage = first_message,
        ...body
      } = c.req.valid("json")
      const key = IdempotencyKey.safeParse(c.req.header("idempotency-key"))
      if (!key.success)
        throw new AppError("INVALID_REQUEST", "Idempotency-Key must be 1 to 255 printable characters.")
      const request: PlaceCall = {
        ...body,
        firstMessage,
        parameters: {
          ...body.parameters,
          ...(contextKey === undefined ? {} : { contextKey }),
          ...(manifestKey === undefined ? {} : { manifestKey }),
        },
        userId: actingUser(c.get("auth"), userId),
        idempotencyKey: key.data,
      }
      const { call, repeated } = await placeCall(control, request).catch((error: unknown) => {
        if (error instanceof RepeatedRefusal) c.header("Idempotency-Replayed", "true")
        throw error
      })
      if (repeated) c.header("Idempotency-Replayed", "true")
      c.header("Location", `/v1/calls/${call.sid ?? call.id}`)
      return c.json(await viewOf(context, call), 201)
    },
  )

  app.get(
    "/v1/calls",
    operation({
      id: "listCalls",
      tag: "Calls",
      summary: "List calls, newest first",
      responses: { 200: { description: "One page of calls", schema: CallList } },
      errors: [403],
    }),
    query(ListCallsQuery),
    async (c) => {
      const { userId, ...filter } = c.req.valid("query")
      const user = actingUser(c.get("auth"), userId)
      const { calls, nextCursor } = await store.calls.list({ ...filter, userId: user ?? undefined })
      return c.json({ calls: await viewsOf(context, calls), nextCursor })
    },
  )

  app.get(
    "/v1/calls/:sid",
    operation({
      id: "getCall",
      tag: "Calls",
      summary: "Read a call",
      params: CALL_PARAMS,
      responses: { 200: { description: "The call", schema: CallView } },
      errors: CALL_ERRORS,
    }),
    async (c) => c.json(await viewOf(context, await findCall(context, c))),
  )

  app.post(
    "/v1/calls/:sid/end",
    operation({
      id: "endCall",
      tag: "Calls",
      summary: "End a call",
      description:
        "A call that is over stays as it is. `status` changes a moment later, when Twilio reports it.",
      params: CALL_PARAMS,
      responses: { 200: { description: "The call", schema: CallView } },
      errors: [...CALL_ERRORS, 409, 502],
    }),
    async (c) => {
      const call = await findCall(context, c)
      await hangUpByApi(control, call)
      return c.json(await viewOf(context, (await store.calls.byId(call.id)) ?? call))
    },
  )

  return app
}
