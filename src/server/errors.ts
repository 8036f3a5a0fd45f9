/** Turns every error of a route into one response form. */

import type { ErrorHandler } from "hono"
import { HTTPException } from "hono/http-exception"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import type { z } from "zod"
import { AppError, messageOf, toAppError } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Env, RequestContext } from "./context.ts"

/** The canonical form: `{ "error": { "code", "message", "details"? } }`. */
export function errorResponse(c: RequestContext, error: AppError): Response {
  if (error.retryAfterSeconds !== undefined) c.header("Retry-After", String(error.retryAfterSeconds))
  const { code, publicMessage: message, details } = error
  const status: ContentfulStatusCode = error.http
  return c.json({ error: { code, message, ...(details === undefined ? {} : { details }) } }, status)
}

/** For Hono's `onError`. An error that is not an `AppError` is logged and sent as INTERNAL. */
export function errorHandler(log: Log): ErrorHandler<Env> {
  return function onError(thrown, c) {
    const error = fromHono(thrown) ?? toAppError(thrown)
    const fields = { code: error.code, method: c.req.method, path: c.req.path, requestId: c.get("requestId") }
    if (error.http >= 500)
      log.error("request failed", { ...fields, error: messageOf(thrown), cause: causeOf(thrown) })
    else if (error.isLogged) log.info("request refused", { ...fields, reason: error.message })
    return errorResponse(c, error)
  }
}

/** INVALID_REQUEST with the issues that zod found in one part of a request. */
export function invalidRequest(error: z.core.$ZodError, part: string): AppError {
  const details = error.issues.map((issue) => ({
    field: fieldOf(issue),
    message: messageOfIssue(issue),
  }))
  const [first] = details
  const where = first ? [first.field, first.message].filter(Boolean).join(": ") : "is invalid"
  return new AppError("INVALID_REQUEST", `The ${part} is invalid: ${where}`, { details })
}

function messageOfIssue({ code, message }: z.core.$ZodIssue): string {
  if (code === "unrecognized_keys") return "is not a known field"
  return code === "invalid_type" && message.endsWith("received undefined") ? "is missing" : message
}

/** Path of the invalid field; for unknown fields, their paths. */
function fieldOf(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String)
  if (issue.code !== "unrecognized_keys") return path.join(".")
  return issue.keys.map((key) => [...path, key].join(".")).join(", ")
}

/** Hook for `zValidator`: throws INVALID_REQUEST in place of its own response. */
export function refuseInvalid(part: string) {
  return function onValidated(result: { success: boolean; error?: z.core.$ZodError }): void {
    if (!result.success && result.error) throw invalidRequest(result.error, part)
  }
}

function fromHono(thrown: unknown): AppError | undefined {
  if (!(thrown instanceof HTTPException)) return undefined
  const code = thrown.status === 413 ? "TOO_LARGE" : thrown.status < 500 ? "INVALID_REQUEST" : "INTERNAL"
  return new AppError(code, thrown.message || "The request could not be read.", { cause: thrown })
}

function causeOf(thrown: unknown): string | undefined {
  const cause = thrown instanceof Error ? thrown.cause : undefined
  return cause === undefined ? undefined : messageOf(cause)
}
