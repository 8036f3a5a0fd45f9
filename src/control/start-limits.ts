/** How many calls may be started in a minute. Transfers count: they dial too. */

import { AppError } from "../lib/errors.ts"
import type { StartLimit } from "../store/calls.ts"
import type { ControlContext } from "./context.ts"

export const MINUTE_MS = 60_000

export type Starter = {
  /** Null for a key that is bound to no user. */
  userId: string | null
  /** Whether requests that are bound to no user share the limit of one user. Default: they do. */
  limitUnbound?: boolean
}

/** Counted in the store, so that neither a restart nor concurrent requests get past the limit. */
export function startLimits(
  { config }: Pick<ControlContext, "config">,
  { userId, limitUnbound = true }: Starter,
): StartLimit[] {
  const { callStartsPerMinute, serverCallStartsPerMinute } = config.limits
  const ofServer: StartLimit = { of: "server", most: serverCallStartsPerMinute }
  if (userId === null && !limitUnbound) return [ofServer]
  return [{ of: "user", most: callStartsPerMinute }, ofServer]
}

export function rateLimited(
  { limit, oldestAt }: { limit: StartLimit; oldestAt: number },
  now: number,
): AppError {
  const retryAfterSeconds = Math.max(1, Math.ceil((oldestAt + MINUTE_MS - now) / 1000))
  const whose = limit.of === "user" ? " per user" : ""
  return new AppError("RATE_LIMITED", `Rate limit exceeded: at most ${limit.most} calls per minute${whose}`, {
    retryAfterSeconds,
  })
}
