/** TwiML that connects a call to a media stream: a one-time socket and the way back. */

import type { Call } from "../call/call.ts"
import { newSocketToken, TOKEN_PARAMETER } from "../call/ids.ts"
import { streamTwiml } from "../twilio/stream-twiml.ts"
import type { ControlContext } from "./context.ts"
import type { SocketAddress } from "./relay-instructions.ts"

export type StreamInstructions = { call: Call; address?: SocketAddress }

/** Issues a token for the call, in place of an earlier one, and returns the TwiML that uses it. */
export function streamInstructions(
  { config, store, liveCalls, sweep, publicUrl }: ControlContext,
  { call, address = { kind: "token-path" } }: StreamInstructions,
): string {
  const token = newSocketToken()
  const now = sweep.clock.now()
  const expiresAt = now + config.times.socketTokenMs
  store.calls.issueToken(call.id, token, expiresAt)
  liveCalls.expect(call.id, expiresAt)
  const socketUrl = publicUrl().replace(/^http/, "ws")
  return streamTwiml({
    url: address.kind === "token-path" ? `${socketUrl}/twilio/media/${token}` : `${socketUrl}${address.path}`,
    // Another address for each stream: the same one could get the same signature, and a signature counts once.
    nextUrl: `${publicUrl()}/twilio/connect-ended?engine=${call.engine}&resume=${call.resumes}&at=${now}`,
    parameters: {
      ...call.parameters,
      ...(address.kind === "fixed-path" ? { [TOKEN_PARAMETER]: token } : {}),
    },
  })
}
