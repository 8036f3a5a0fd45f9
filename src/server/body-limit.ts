/** The largest body of a request that is not Twilio's. */

import { bodyLimit } from "hono/body-limit"
import { AppError } from "../lib/errors.ts"
import type { RequestContext } from "./context.ts"
import { errorResponse } from "./errors.ts"

/** In bytes. */
const MAX_BODY_BYTES = 1024 * 1024

const limit = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: (c) =>
    errorResponse(c, new AppError("TOO_LARGE", `A body may have ${MAX_BODY_BYTES} bytes at most.`)),
})

/** Refuses a body whose declared length is too large. Reads nothing: a body of unknown length passes. */
export async function limitDeclaredBody(
  c: RequestContext,
  next: () => Promise<void>,
): Promise<Response | undefined> {
  if (c.req.header("content-length") === undefined) {
    await next()
    return undefined
  }
  return (await limit(c, next)) ?? undefined
}

/** Reads a body of unknown length up to the limit. Runs once the request is authenticated. */
export async function limitChunkedBody(
  c: RequestContext,
  next: () => Promise<void>,
): Promise<Response | undefined> {
  if (c.req.header("content-length") !== undefined) {
    await next()
    return undefined
  }
  return (await limit(c, next)) ?? undefined
}
