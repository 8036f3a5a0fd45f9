/** The REST API as an OpenAPI 3.1 document, made from the schemas that validate it. */

import { z } from "zod"
import { VERSION } from "../../version.ts"
import { ASSET_OPERATIONS } from "./asset-operations.ts"
import { EventsQuery, ListCallsQuery, PlaceCallBody, TranscriptQuery } from "./call-routes.ts"
import { CallView, EventView, TranscriptView, UsageView } from "./call-views.ts"
import { CONVERSATION_OPERATIONS } from "./conversation-operations.ts"
import { EVENT_OPERATIONS } from "./event-routes.ts"
import { NUMBER_OPERATIONS } from "./number-routes.ts"
import type { Operation } from "./operation.ts"
import { OUTCOME_OPERATIONS } from "./outcome-routes.ts"
import { STEER_OPERATIONS } from "./live-call-operations.ts"

const CallList = z.object({ calls: z.array(CallView), nextCursor: z.string().nullable() })
const EventList = z.object({ events: z.array(EventView), nextAfterId: z.number().int().nullable() })
const Health = z.looseObject({ status: z.enum(["healthy", "draining"]), timestamp: z.iso.datetime() })
const Metrics = z.looseObject({
  activeSessions: z.number(),
  uptime: z.number().describe("Seconds"),
  memory: z.record(z.string(), z.number()).describe("Bytes"),
})
const ErrorAnswer = z
  .object({ error: z.object({ code: z.string(), message: z.string(), details: z.unknown().optional() }) })
  .meta({ id: "Error" })

/** Every operation that people and programs may call. */
export const OPERATIONS: readonly Operation[] = [
  {
    method: "post",
    path: "/v1/calls",
    summary: "Place a call",
    body: PlaceCallBody,
    headers: { "Idempotency-Key": "The same key with the same body gives the same call" },
    status: 201,
    answer: CallView,
    errors: [403, 409, 429, 502, 503],
  },
  {
    method: "get",
    path: "/v1/calls",
    summary: "List calls, newest first",
    query: ListCallsQuery,
    status: 200,
    answer: CallList,
    errors: [400, 403],
  },
  {
    method: "get",
    path: "/v1/calls/{sid}",
    summary: "Read a call",
    status: 200,
    answer: CallView,
    errors: [400, 403, 404],
  },
  {
    method: "post",
    path: "/v1/calls/{sid}/end",
    summary: "End a call",
    status: 200,
    answer: CallView,
    errors: [400, 403, 404, 409, 502, 503],
  },
  {
    method: "get",
    path: "/v1/calls/{sid}/transcript",
    summary: "What was said, as far as it was heard; also during the call",
    query: TranscriptQuery,
    status: 200,
    answer: TranscriptView,
    also: "text/plain",
    errors: [400, 403, 404],
  },
  {
    method: "get",
    path: "/v1/calls/{sid}/usage",
    summary: "What the models used, and what it cost by estimate",
    status: 200,
    answer: UsageView,
    errors: [400, 401, 403, 404],
  },
  {
    method: "get",
    path: "/v1/calls/{sid}/events",
    summary: "What happened, in order",
    query: EventsQuery,
    status: 200,
    answer: EventList,
    errors: [400, 403, 404],
  },
  ...STEER_OPERATIONS,
  ...ASSET_OPERATIONS,
  ...CONVERSATION_OPERATIONS,
  ...NUMBER_OPERATIONS,
  ...EVENT_OPERATIONS,
  ...OUTCOME_OPERATIONS,
  {
    method: "get",
    path: "/health",
    summary: "Whether the server works",
    status: 200,
    answer: Health,
    otherStatus: 503,
    open: true,
  },
  {
    method: "get",
    path: "/metrics",
    summary: "How busy the server is; Prometheus text with Accept: text/plain or ?format=prometheus",
    status: 200,
    answer: Metrics,
    also: "text/plain",
  },
]

/** `serverUrl`: address under which the API is reached. */
export function openApiDocument(serverUrl: string) {
  const schemas: Record<string, unknown> = {}
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of OPERATIONS) {
    const path = (paths[operation.path] ??= {})
    path[operation.method] = describe(operation, (schema) => schemaOf(schema, schemas))
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Parley",
      version: VERSION,
      description: "Phone agents for Twilio",
      license: { name: "MIT" },
    },
    servers: [{ url: serverUrl }],
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "A key of API_KEYS" } },
      schemas,
    },
  }
}

function describe(operation: Operation, refer: (schema: z.core.$ZodType) => unknown) {
  const {
    path,
    summary,
    query,
    body,
    bodyAlso,
    headers = {},
    status,
    answer,
    answerType = "application/json",
    also,
    otherStatus,
    open,
  } = operation
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }))
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema: refer(schema),
  }))
  const inHeader = Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }))
  const text = { schema: { type: "string" } }
  const done = {
    description: "Done",
    content: { [answerType]: { schema: refer(answer) }, ...(also ? { [also]: text } : {}) },
  }
  const failure = {
    description: "Refused or failed",
    content: { "application/json": { schema: refer(ErrorAnswer) } },
  }
  // What holds for every operation of its kind is not repeated in each.
  const common = [...(open ? [] : [401]), ...(body ? [400, 413, 415] : [])]
  const failures = new Set([...common, ...(operation.errors ?? [])])
  return {
    summary,
    ...(open ? { security: [] } : {}),
    parameters: [...inPath, ...inQuery, ...inHeader],
    ...(body
      ? {
          requestBody: {
            required: true,
            content: {
              "application/json": { schema: refer(body) },
              ...(bodyAlso ? { [bodyAlso]: text } : {}),
            },
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries([...failures].map((code) => [code, failure])),
      [status]: done,
      ...(otherStatus ? { [otherStatus]: done } : {}),
    },
  }
}

/** A schema as JSON Schema. Named ones, also those inside of it, go to the components and leave a reference. */
function schemaOf(schema: z.core.$ZodType, components: Record<string, unknown>): unknown {
  // As a part of another schema a named one becomes a reference too.
  const { properties, $defs } = z.toJSONSchema(z.object({ it: schema }), {
    io: "input",
    unrepresentable: "any",
  })
  for (const [name, definition] of Object.entries($defs ?? {})) components[name] = withPlaces(definition)
  return withPlaces(properties?.["it"])
}

function withPlaces(schema: unknown): unknown {
  const json: Record<string, unknown> = JSON.parse(
    JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/'),
  )
  const { id: _, ...rest } = json
  return rest
}
