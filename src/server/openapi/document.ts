/** Builds the OpenAPI 3.1 document of the REST API from the descriptions that the routes carry. */

import type { RouterRoute } from "hono/types"
import type { z } from "zod"
import { VERSION } from "../../version.ts"
import type {
  ApiDocument,
  ContentObject,
  HeaderObject,
  SchemaObject,
  MediaTypeObject,
  OperationObject,
  ParameterObject,
  Reference,
  ResponseObject,
} from "./document-types.ts"
import { ERROR_RESPONSES, ErrorBody } from "./error-responses.ts"
import { examplesOf, JsonSchemas } from "./json-schemas.ts"
import {
  descriptionOf,
  TAGS,
  type BodySpec,
  type Description,
  type Operation,
  type OperationError,
  type Parameter,
} from "./operation.ts"

/** One route with everything that its middleware says about it. */
export type DescribedRoute = {
  method: string
  /** In the form of OpenAPI, such as `/v1/calls/{sid}`. */
  path: string
  operation: Operation
  body: BodySpec | undefined
  query: z.ZodObject | undefined
  errors: readonly OperationError[]
}

const TEXT = { type: "string" } as const

/** `Routes` are those of the whole app. Routes without a description, such as aliases and webhooks, are left out. */
export function describedRoutes(routes: readonly RouterRoute[]): DescribedRoute[] {
  const merged = new Map<string, Description & { method: string; path: string }>()
  for (const { method, path, handler } of routes) {
    const part = descriptionOf(handler)
    if (!part) continue
    const name = `${method} ${path}`
    const known = merged.get(name) ?? { method, path }
    const errors = [...(known.errors ?? []), ...(part.errors ?? [])]
    merged.set(name, { ...known, ...part, errors })
  }
  return [...merged.values()].flatMap(({ method, path, operation, body, query, errors = [] }) => {
    if (!operation) return []
    const route = {
      method: method.toLowerCase(),
      path: path.replaceAll(/:(\w+)/g, "{$1}"),
      operation,
      body: body ?? operation.body,
      query,
    }
    return [{ ...route, errors: [...errors, ...(operation.errors ?? [])] }]
  })
}

/** `serverUrl`: address under which the API is reached. */
export function openApiDocument(routes: readonly RouterRoute[], serverUrl: string): ApiDocument {
  const schemas = new JsonSchemas()
  const paths: Record<string, Record<string, OperationObject>> = {}
  for (const route of describedRoutes(routes)) {
    const path = (paths[route.path] ??= {})
    path[route.method] = operationObject(route, schemas)
  }
  const errorSchema = schemas.convert(ErrorBody)
  return {
    openapi: "3.1.0",
    info: {
      title: "Parley",
      version: VERSION,
      description: "Phone agents for Twilio",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: serverUrl }],
    security: [{ bearerKey: [] }, { headerKey: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearerKey: {
          type: "http",
          scheme: "bearer",
          description: "A key of `API_KEYS` in the header `Authorization: Bearer <key>`",
        },
        headerKey: {
          type: "apiKey",
          in: "header",
          name: "X-Api-Key",
          description: "A key of `API_KEYS` in the header `X-Api-Key`",
        },
      },
      headers: {
        RequestId: {
          description: "Id of the request in the server's log",
          example: "4f9c2d58-0c55-4a6f-9a3a-0f5b7f0c9f11",
          schema: { type: "string", format: "uuid" },
        },
      },
      responses: Object.fromEntries(
        Object.entries(ERROR_RESPONSES).map(([status, { description, example, headers }]) => {
          const content = { "application/json": { schema: errorSchema, example: { error: example } } }
          return [`Error${status}`, response(description, content, headers)]
        }),
      ),
      schemas: schemas.components(),
    },
  }
}

function operationObject(route: DescribedRoute, schemas: JsonSchemas): OperationObject {
  const { id, tag, summary, description, params = {}, headers = {}, responses, open } = route.operation
  const { body, query } = route
  const named = (place: "path" | "header", specs: Readonly<Record<string, Parameter>>): ParameterObject[] =>
    Object.entries(specs).map(([name, spec]) => {
      return { name, in: place, required: place === "path", ...headerObject(spec) }
    })
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) =>
    queryParameter(name, schema, schemas),
  )
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(open ? { security: [] } : {}),
    parameters: [...named("path", params), ...inQuery, ...named("header", headers)],
    ...(body ? { requestBody: { required: true, content: content(body, schemas) } } : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses).map(([status, spec]) => [
          status,
          response(spec.description, content(spec, schemas), spec.headers),
        ]),
      ),
      ...Object.fromEntries(errorStatuses(route).map((status) => [status, errorReference(status)])),
    },
  }
}

/** The errors of an operation with those that all operations of its kind have, in ascending order. */
function errorStatuses({ path, operation, body, query, errors }: DescribedRoute): OperationError[] {
  const common: OperationError[] = [
    // Too many requests without a right key are answered with 429.
    ...(operation.open ? [] : ([401, 429, 500] as const)),
    // A locked database is answered with 503.
    ...(path.startsWith("/v1/") ? ([503] as const) : []),
    ...(query ? ([400] as const) : []),
    ...(body ? ([400, 413, 415] as const) : []),
  ]
  return [...new Set([...common, ...errors])].toSorted((a, b) => a - b)
}

function errorReference(status: OperationError): Reference {
  return { $ref: `#/components/responses/Error${status}` }
}

function queryParameter(name: string, schema: z.core.$ZodType, schemas: JsonSchemas): ParameterObject {
  const { description, ...json } = schemas.convert(schema)
  return {
    name,
    in: "query",
    required: false,
    description: typeof description === "string" ? description : "",
    schema: json,
  }
}

function response(
  description: string,
  body: ContentObject,
  headers: Readonly<Record<string, Parameter>> = {},
): ResponseObject {
  const described = Object.entries(headers).map(([name, spec]) => [name, headerObject(spec)] as const)
  return {
    description,
    headers: {
      ...Object.fromEntries(described),
      "X-Request-Id": { $ref: "#/components/headers/RequestId" },
    },
    content: body,
  }
}

function headerObject({ description, example }: Parameter): HeaderObject {
  return { description, example, schema: TEXT }
}

function content(
  { schema, type = "application/json", texts = {} }: BodySpec & { type?: string },
  schemas: JsonSchemas,
): ContentObject {
  return {
    [type]: { schema: withoutExamples(schemas.convert(schema)), ...exampleFields(examplesOf(schema)) },
    ...Object.fromEntries(
      Object.entries(texts).map(([textType, example]) => [textType, { schema: TEXT, example }]),
    ),
  }
}

/** The examples of a body are stated once, beside its schema. */
function withoutExamples(schema: SchemaObject): SchemaObject {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== "examples"))
}

/** OpenAPI has `example` for one and `examples`, by name, for several. */
function exampleFields([first, ...others]: readonly unknown[]): Omit<MediaTypeObject, "schema"> {
  if (first === undefined) return {}
  if (others.length === 0) return { example: first }
  const all = [first, ...others].map((value, index) => [`example${index + 1}`, { value }] as const)
  return { examples: Object.fromEntries(all) }
}
