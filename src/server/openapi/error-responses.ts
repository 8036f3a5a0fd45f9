/** The error responses of the API description: one for each HTTP status of the error table. */

import { z } from "zod"
import { ERROR_CODES, type ErrorCode, type ErrorDetail } from "../../lib/errors.ts"
import { CHALLENGE } from "../auth.ts"
import type { OperationError, Parameter } from "./operation.ts"

const Detail = z.object({
  field: z.string().optional().describe("Field at fault, or what `value` is"),
  message: z.string().describe("What is wrong with it"),
  value: z.string().optional().describe("What you need to continue, such as the id of a conversation"),
  asset: z.string().optional().describe("Asset at fault"),
  line: z.number().int().optional().describe("Line in the asset, counted from 1"),
})

export const ErrorBody = z
  .object({
    error: z.object({
      code: z.enum(ERROR_CODES).describe("One code of the closed table of errors"),
      message: z.string().describe("What is wrong, for people"),
      details: z.array(Detail).optional().describe("Fields at fault, where there are any"),
    }),
  })
  .meta({ id: "Error" })

type ErrorResponse = {
  description: string
  example: { code: ErrorCode; message: string; details?: readonly ErrorDetail[] }
  headers?: Readonly<Record<string, Parameter>>
}

const RETRY_AFTER: Parameter = {
  description: "Seconds after which the same request may succeed. Absent when the time is not known.",
  example: "10",
}

export const ERROR_RESPONSES: Readonly<Record<OperationError, ErrorResponse>> = {
  400: {
    description: "A field is missing, unknown or invalid.",
    example: {
      code: "INVALID_REQUEST",
      message: "The body is invalid: to: is missing",
      details: [{ field: "to", message: "is missing" }],
    },
  },
  401: {
    description: "The key is missing or not valid.",
    example: {
      code: "UNAUTHORIZED",
      message: "This request needs a key of API_KEYS; send one as Authorization: Bearer <key>.",
    },
    headers: {
      "WWW-Authenticate": { description: "The scheme to use", example: CHALLENGE },
    },
  },
  403: {
    description: "The key is bound to another user, or the destination is not allowed.",
    example: { code: "FORBIDDEN", message: "This call belongs to another user." },
  },
  404: {
    description: "The resource does not exist.",
    example: { code: "NOT_FOUND", message: "There is no such call." },
  },
  409: {
    description: "The current state does not allow it.",
    example: { code: "CONFLICT", message: "No conversation of this call is running." },
  },
  413: {
    description: "The body is larger than 1 MiB.",
    example: { code: "TOO_LARGE", message: "A body may have 1048576 bytes at most." },
  },
  415: {
    description: "The media type of the body is not supported.",
    example: { code: "UNSUPPORTED_MEDIA_TYPE", message: "Send the body as application/json." },
  },
  429: {
    description: "A rate limit or a quota is reached.",
    example: { code: "RATE_LIMITED", message: "Too many call starts. Try again in 10 seconds." },
    headers: { "Retry-After": RETRY_AFTER },
  },
  500: {
    description: "The server failed. Its log has the cause under the `X-Request-Id` of the response.",
    example: { code: "INTERNAL", message: "An unexpected error occurred" },
  },
  502: {
    description: "Twilio or a model provider refused the request or did not respond.",
    example: { code: "UPSTREAM_FAILED", message: "Twilio refused the request." },
  },
  503: {
    description: "A setting is missing, the database is locked, or the server shuts down.",
    example: { code: "UNAVAILABLE", message: "The server is shutting down." },
    headers: { "Retry-After": RETRY_AFTER },
  },
}
