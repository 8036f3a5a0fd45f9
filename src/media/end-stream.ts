/** What every engine on a media stream does in the same way at its end, and with frames of programs. */

import type { SessionEnd } from "../call/session-end.ts"
import type { CallContext } from "../conversation/call-context.ts"
import { AppError } from "../lib/errors.ts"
import type { MediaStream } from "./media-stream.ts"

export type EndedStream = { stream: MediaStream; context: Pick<CallContext, "call" | "lifecycle" | "log"> }

/** Ends the session. A media stream cannot carry the reason to the next step, so it is recorded before the close. */
export function endStream({ stream, context }: EndedStream, end: SessionEnd): void {
  const { call, lifecycle, log } = context
  const session = { sessionId: stream.streamSid, end }
  const recorded = lifecycle.ended(call, session).finally(() => stream.close(1000, "session ended"))
  log.background("recording the end of a session", recorded)
}

/** Throws `AppError` INVALID_REQUEST: a media stream carries no frames that a program could write. */
export function refuseFrame(): never {
  throw new AppError(
    "INVALID_REQUEST",
    "This call speaks through audio and takes no frames. Say a line or insert a message.",
  )
}
