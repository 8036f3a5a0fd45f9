/** A relay socket at a fixed path: its one-time token comes as a parameter of the first frame. */

import type { Call } from "../call/call.ts"
import { TOKEN_PARAMETER } from "../call/ids.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Socket, SocketSession } from "../lib/socket.ts"
import type { Sweep } from "../lib/sweep.ts"
import { parseRelayFrame, type RelaySetup } from "../twilio/relay-messages.ts"
import { BadFrames } from "./bad-frames.ts"

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

type State =
  | { phase: "awaiting-setup"; cancelDeadline: () => void }
  | { phase: "claimed"; session: SocketSession }
  | { phase: "refused" }

export class ClaimingSession implements SocketSession {
  readonly #options: ClaimingSessionOptions
  readonly #badFrames = new BadFrames()
  #state: State

  constructor(options: ClaimingSessionOptions) {
    this.#options = options
    const { sweep, setupMs, log } = options
    const cancelDeadline = sweep.after(setupMs, () => {
      log.warn("no setup frame came", { waitedMs: setupMs })
      this.#refuse(4408, "no setup frame came")
    })
    this.#state = { phase: "awaiting-setup", cancelDeadline }
  }

  receive(text: string): void {
    const state = this.#state
    switch (state.phase) {
      case "awaiting-setup": {
        const parsed = parseRelayFrame(text)
        if (!parsed.ok) return this.#drop(parsed.reason)
        if (parsed.frame.type !== "setup") {
          return this.#drop(`First frame was '${parsed.frame.type}', expected 'setup'`)
        }
        state.cancelDeadline()
        return this.#claim(parsed.frame, text)
      }
      case "claimed":
        return state.session.receive(text)
      case "refused":
        return
      default:
        state satisfies never
    }
  }

  closed(code: number, reason: string): void {
    const state = this.#state
    if (state.phase === "awaiting-setup") state.cancelDeadline()
    if (state.phase === "claimed") state.session.closed(code, reason)
    else this.#state = { phase: "refused" }
  }

  #claim(setup: RelaySetup, text: string): void {
    const { log, claim, open } = this.#options
    const { callSid, customParameters } = setup
    try {
      const call = claim(customParameters[TOKEN_PARAMETER] ?? "")
      if (!call) {
        log.warn("setup refused, its token is unknown, used or expired", { callSid })
        return this.#refuse(4403, "the token is unknown, used or expired")
      }
      const session = open(call)
      this.#state = { phase: "claimed", session }
      session.receive(text)
    } catch (error) {
      log.error("relay session could not be opened", { callSid, error: messageOf(error) })
      this.#refuse(1011, "the session could not be opened")
    }
  }

  #refuse(code: number, reason: string): void {
    this.#state = { phase: "refused" }
    this.#options.socket.close(code, reason)
  }

  #drop(reason: string): void {
    if (this.#badFrames.add()) {
      this.#options.log.warn("frame dropped", { reason, badFrames: this.#badFrames.count })
    }
  }
}
