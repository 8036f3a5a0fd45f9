/** Frames that a program sends into a running call through the API: the same rules as for tools and settings of agents. */

import { withoutTarget } from "../call/session-end.ts"
import { AppError } from "../lib/errors.ts"
import { publicHttpUrl } from "../tools/public-url.ts"
import { RelayOutbound } from "../twilio/relay-messages.ts"

/** A longer text is no sentence; in characters. */
const MAX_TEXT = 20_000
/** Longer data would make Twilio's request about the end of the session too large; in characters. */
const MAX_HANDOFF_DATA = 8_000

/** The frame as it may be sent. Throws INVALID_REQUEST for one that is none, and for what no program may send. */
export function readForeignFrame(given: unknown): RelayOutbound {
  const parsed = RelayOutbound.safeParse(given)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalid(`${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`)
  }
  const frame = parsed.data
  switch (frame.type) {
    case "text":
      if (frame.token.length > MAX_TEXT) throw invalid(`token has more than ${MAX_TEXT} characters`)
      return frame
    case "play": {
      const url = publicHttpUrl(frame.source)
      if (!url.ok) throw invalid(`source: ${url.message}`)
      return frame
    }
    case "end": {
      const { handoffData } = frame
      if (handoffData === undefined) return frame
      if (handoffData.length > MAX_HANDOFF_DATA)
        throw invalid(`handoffData has more than ${MAX_HANDOFF_DATA} characters`)
      // Only the transfer route, which checks it, may name a target.
      return { ...frame, handoffData: withoutTarget(handoffData) }
    }
    case "sendDigits":
    case "language":
      return frame
    default:
      return frame satisfies never
  }
}

function invalid(fault: string): AppError {
  return new AppError("INVALID_REQUEST", `The frame is invalid: ${fault}`)
}
