/** Access to what belongs to all users: a key that is bound to one user may read it and change nothing. */

import type { MiddlewareHandler } from "hono"
import { AppError } from "../../lib/errors.ts"
import type { Env } from "../context.ts"
import { described } from "../openapi/operation.ts"

const requireUnboundHandler: MiddlewareHandler<Env> = async (c, next) => {
  if (c.get("auth").userId !== null) {
    throw new AppError(
      "FORBIDDEN",
      "Assets belong to all users; this key belongs to one and may only read them.",
    )
  }
  await next()
}

/** Refuses keys that are bound to a user with 403 `FORBIDDEN`. */
export const requireUnbound = described(requireUnboundHandler, { errors: [403] })
