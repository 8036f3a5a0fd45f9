/**
 * The description that a route carries: middleware for the operation, its body and its query. The same middleware
 * validates requests, and `document.ts` reads the descriptions back from the routes of the app.
 */

import { zValidator } from "@hono/zod-validator"
import type { MiddlewareHandler } from "hono"
import type { z } from "zod"
import type { ErrorStatus } from "../../lib/errors.ts"
import type { Env } from "../context.ts"
import { refuseInvalid } from "../errors.ts"

/** Groups of operations in the API description, in the order in which they are shown. */
export const TAGS = {
  Calls: "Place, list, read and end calls.",
  "Live calls": "Change a call while its conversation runs.",
  Transcripts: "What was said in a call, as far as it was heard.",
  Events: "What happened in calls: stored events, a live stream, and tickets for observer sockets.",
  Results: "What a call produced: the extracted outcome, model usage and cost.",
  Conversations: "Talk with an agent by text message, without a phone.",
  Callers: "What is known of callers across calls: consent, logins, and what is remembered.",
  Numbers: "Phone numbers of the Twilio account and the agents that answer them.",
  Contexts: "Instructions of agents (Markdown), by key. Every version is kept.",
  Menus: "Menus by keypad and speech (JSON), by key. Every version is kept.",
  Manifests: "Tools of agents (JSON), by key. Every version is kept.",
  Configuration: "The server configuration (`serverConfig.json`). Every version is kept.",
  Server: "Health and metrics.",
} as const

/** 405 is the same on every path and not part of an operation. */
export type OperationError = Exclude<ErrorStatus, 405>

/** A path parameter or a header. */
export type Parameter = { description: string; example: string }

export type ResponseSpec = {
  description: string
  schema: z.ZodType
  /** Media type of `schema`. Default: `application/json`. */
  type?: string
  /** The same content as text: an example for each media type. */
  texts?: Readonly<Record<string, string>>
  headers?: Readonly<Record<string, Parameter>>
}

export type BodySpec = {
  schema: z.ZodType
  /** The same content as text: an example for each media type. */
  texts?: Readonly<Record<string, string>>
}

export type Operation = {
  /** `operationId` of OpenAPI: unique, camelCase, verb first. */
  id: string
  tag: keyof typeof TAGS
  summary: string
  description?: string
  /** Every parameter of the path, by name. */
  params?: Readonly<Record<string, Parameter>>
  headers?: Readonly<Record<string, Parameter>>
  /** Body that the route parses by itself. A body that zod validates is described by `jsonBody`. */
  body?: BodySpec
  responses: Readonly<Record<number, ResponseSpec>>
  /** Errors beside the common ones, which `document.ts` adds: those of every key, query and body. */
  errors?: readonly OperationError[]
  /** Needs no key. */
  open?: boolean
}

/** What one middleware contributes to the description of its route. */
export type Description = {
  operation?: Operation
  body?: BodySpec
  query?: z.ZodObject
  errors?: readonly OperationError[]
}

const descriptions = new WeakMap<object, Description>()

/** Describes a route. Changes nothing about a request. */
export function operation(spec: Operation): MiddlewareHandler<Env> {
  const handler: MiddlewareHandler<Env> = (_, next) => next()
  return described(handler, { operation: spec })
}

/** Validates the JSON body; the route reads it with `c.req.valid("json")`. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return described(zValidator("json", schema, refuseInvalid("body")), { body: { schema } })
}

/** Validates the query, which must have no other fields; the route reads it with `c.req.valid("query")`. */
export function query<S extends z.ZodObject>(schema: S) {
  return described(zValidator("query", schema, refuseInvalid("query")), { query: schema })
}

/** Attaches a description to a middleware. */
export function described<H extends object>(handler: H, description: Description): H {
  descriptions.set(handler, description)
  return handler
}

export function descriptionOf(handler: object): Description | undefined {
  return descriptions.get(handler)
}

/** Makes a schema a named component of the API description, with examples of what is sent. */
export function named<S extends z.ZodType>(id: string, schema: S, ...examples: z.input<S>[]): S {
  return schema.meta({ id, examples })
}

/** Adds examples to a schema that has no name of its own. */
export function withExamples<S extends z.ZodType>(schema: S, ...examples: z.input<S>[]): S {
  return schema.meta({ examples })
}
