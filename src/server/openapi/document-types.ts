/** The parts of OpenAPI 3.1 that the API description uses. (OpenAPI Specification 3.1.1, section 4.8.) */

export type SchemaObject = Readonly<Record<string, unknown>>
export type Reference = { $ref: string }

export type MediaTypeObject = {
  schema: SchemaObject
  example?: unknown
  examples?: Readonly<Record<string, { value: unknown }>>
}

export type HeaderObject = { description: string; example?: unknown; schema: SchemaObject }

export type ParameterObject = HeaderObject & {
  name: string
  in: "path" | "query" | "header"
  required: boolean
}

export type ContentObject = Readonly<Record<string, MediaTypeObject>>

export type ResponseObject = {
  description: string
  headers: Readonly<Record<string, HeaderObject | Reference>>
  content: ContentObject
}

export type OperationObject = {
  operationId: string
  tags: readonly string[]
  summary: string
  description?: string
  /** Empty: the operation needs no key. Absent: the security of the document. */
  security?: readonly []
  parameters: readonly ParameterObject[]
  requestBody?: { required: true; content: ContentObject }
  responses: Readonly<Record<string, ResponseObject | Reference>>
}

export type ApiDocument = {
  openapi: "3.1.0"
  info: Readonly<Record<string, unknown>> & { title: string; version: string; description: string }
  servers: readonly { url: string }[]
  security: readonly Readonly<Record<string, readonly string[]>>[]
  tags: readonly { name: string; description: string }[]
  /** By path, then by method in lower case. */
  paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
  components: {
    securitySchemes: Readonly<Record<string, unknown>>
    headers: Readonly<Record<string, HeaderObject>>
    responses: Readonly<Record<string, ResponseObject>>
    schemas: Readonly<Record<string, SchemaObject>>
  }
}
