/** A relay socket at a fixed path: its one-time token comes as a parameter of the first frame. */

import type { Call } from "../call/call.ts"
import { TOKEN_PARAMETER } from "../call/ids.ts"
import type { Log } from "../lib/log.ts"
import type { Socket, SocketSession } from "../lib/socket.ts"
import type { Sweep } from "../lib/sweep.ts"
import { parseRelayFrame } from "../twilio/relay-messages.ts"

export type ClaimingSessionOptions = {
  socket: Socket
  /** The call of a token, once. */
  claim: (token: string) => Call | undefined
  /** The session of a claimed call. */
  open: (call: Call) => SocketSession
  /** Longest wait for the first frame, in milliseconds. */
  setupMs: number
  sweep: Sweep
  log: Log
}

export class ClaimingSession implements SocketSession {
  readonly #options: ClaimingSessionOptions
  readonly #cancelDeadline: () => void
  #session: SocketSession | undefined

  constructor(options: ClaimingSessionOptions) {
    this.#options = options
    this.#cancelDeadline = options.sweep.after(options.setupMs, () => {
      options.socket.close(4408, "no setup frame came")
    })
  }

  receive(text: string): void {
    if (this.#session) return this.#session.receive(text)
    const { socket, log, claim, open } = this.#options
    const parsed = parseRelayFrame(text)
    if (!parsed.ok) return log.warn("frame dropped", { reason: parsed.reason })
    if (parsed.frame.type !== "setup") {
      return log.warn("frame dropped", { reason: `First frame was '${parsed.frame.type}', expected 'setup'` })
    }
    this.#cancelDeadline()
    const call = claim(parsed.frame.customParameters[TOKEN_PARAMETER] ?? "")
    if (!call) {
      log.warn("setup refused, its token is unknown, used or expired", { callSid: parsed.frame.callSid })
      return socket.close(4403, "the token is unknown, used or expired")
    }
    this.#session = open(call)
    this.#session.receive(text)
  }

  closed(code: number, reason: string): void {
    this.#cancelDeadline()
    this.#session?.closed(code, reason)
  }
}
