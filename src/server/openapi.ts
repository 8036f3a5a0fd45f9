/** The REST API as an OpenAPI 3.1 document, made from the schemas that validate it. */

import { z } from "zod"
import { VERSION } from "../version.ts"
import { EventsQuery, ListCallsQuery, PlaceCallBody, TranscriptQuery } from "./call-routes.ts"
import { CallView, EventView, TranscriptView } from "./call-views.ts"

type Operation = {
  method: "get" | "post"
  path: string
  summary: string
  query?: z.ZodObject
  body?: z.ZodType
  headers?: Record<string, string>
  status: number
  answer: z.ZodType
  /** Another form of the answer, by media type. */
  also?: string
  /** Whether it needs a key. */
  open?: boolean
  errors?: readonly number[]
}

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
    errors: [400, 401, 403, 409, 429, 502, 503],
  },
  {
    method: "get",
    path: "/v1/calls",
    summary: "List calls, newest first",
    query: ListCallsQuery,
    status: 200,
    answer: CallList,
    errors: [400, 401, 403],
  },
  {
    method: "get",
    path: "/v1/calls/{sid}",
    summary: "Read a call",
    status: 200,
    answer: CallView,
    errors: [400, 401, 403, 404],
  },
  {
    method: "post",
    path: "/v1/calls/{sid}/end",
    summary: "End a call",
    status: 200,
    answer: CallView,
    errors: [400, 401, 403, 404, 502, 503],
  },
  {
    method: "get",
    path: "/v1/calls/{sid}/transcript",
    summary: "What was said, as far as it was heard; also during the call",
    query: TranscriptQuery,
    status: 200,
    answer: TranscriptView,
    also: "text/plain",
    errors: [400, 401, 403, 404],
  },
  {
    method: "get",
    path: "/v1/calls/{sid}/events",
    summary: "What happened, in order",
    query: EventsQuery,
    status: 200,
    answer: EventList,
    errors: [400, 401, 403, 404],
  },
  {
    method: "get",
    path: "/health",
    summary: "Whether the server works",
    status: 200,
    answer: Health,
    open: true,
  },
  {
    method: "get",
    path: "/metrics",
    summary: "How busy the server is; Prometheus text with Accept: text/plain or ?format=prometheus",
    status: 200,
    answer: Metrics,
    also: "text/plain",
    errors: [401],
  },
]

/** `serverUrl`: address under which the API is reached. */
export function openApiDocument(serverUrl: string) {
  const registry = z.registry<{ id: string }>()
  for (const schema of [CallView, TranscriptView, EventView, PlaceCallBody, ErrorAnswer]) {
    const id = schema.meta()?.id
    if (id) registry.add(schema, { id })
  }
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: "input" })
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of OPERATIONS) {
    const path = (paths[operation.path] ??= {})
    path[operation.method] = describe(operation)
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
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema)])),
    },
  }
}

function describe({
  path,
  summary,
  query,
  body,
  headers = {},
  status,
  answer,
  also,
  open,
  errors = [],
}: Operation) {
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
    schema: schemaOf(schema),
  }))
  const inHeader = Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }))
  const failure = {
    description: "Refused or failed",
    content: { "application/json": { schema: schemaOf(ErrorAnswer) } },
  }
  return {
    summary,
    ...(open ? { security: [] } : {}),
    parameters: [...inPath, ...inQuery, ...inHeader],
    ...(body
      ? { requestBody: { required: true, content: { "application/json": { schema: schemaOf(body) } } } }
      : {}),
    responses: {
      [status]: {
        description: "Done",
        content: {
          "application/json": { schema: schemaOf(answer) },
          ...(also ? { [also]: { schema: { type: "string" } } } : {}),
        },
      },
      ...Object.fromEntries(errors.map((code) => [code, failure])),
    },
  }
}

/** A named schema as a reference, any other in full. */
function schemaOf(schema: z.core.$ZodType): unknown {
  const id = schema instanceof z.ZodType ? schema.meta()?.id : undefined
  if (typeof id === "string") return { $ref: `#/components/schemas/${id}` }
  const { $schema: _, $defs: __, ...json } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })
  // Named schemas inside stand in the components.
  return JSON.parse(JSON.stringify(json).replaceAll("#/$defs/", "#/components/schemas/"))
}

function withoutIds(schema: z.core.JSONSchema.BaseSchema): unknown {
  const { $id: _, $schema: __, id: ___, ...rest } = schema
  return rest
}
