/** A relay socket at a fixed path: whose call it is comes with the first frame. */

import type { Call } from "../call/call.ts"
import { TOKEN_PARAMETER } from "../call/ids.ts"
import type { ForeignSetup, TakeCall } from "../control/adopt-call.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Socket, SocketSession } from "../lib/socket.ts"
import type { Sweep } from "../lib/sweep.ts"
import { parseRelayFrame, type RelaySetup } from "../twilio/relay-messages.ts"
import { BadFrames } from "../lib/bad-frames.ts"

/** Frames that may wait until Twilio has confirmed a call; a caller's first second has a handful. */
const MAX_WAITING = 32
const MAX_WAITING_CHARACTERS = 64 * 1024

export type ClaimingSessionOptions = {
  socket: Socket
  /** The call of a token, once. */
  claim: (token: string) => Call | undefined
  /** The call of a setup without a token, written by another application. Never rejects. */
  find: (setup: ForeignSetup) => Promise<TakeCall>
  /** The session of a claimed call. */
  open: (call: Call) => SocketSession
  /** Longest wait for the first frame and for what it needs, in milliseconds. */
  setupMs: number
  sweep: Sweep
  log: Log
}

type State =
  | { phase: "awaiting-setup" }
  /** `waiting`: the setup and what came after it. */
  | { phase: "finding"; waiting: string[] }
  | { phase: "claimed"; session: SocketSession }
  | { phase: "refused" }

export class ClaimingSession implements SocketSession {
  readonly #options: ClaimingSessionOptions
  readonly #badFrames = new BadFrames()
  readonly #cancelDeadline: () => void
  #state: State = { phase: "awaiting-setup" }

  constructor(options: ClaimingSessionOptions) {
    this.#options = options
    const { sweep, setupMs, log } = options
    this.#cancelDeadline = sweep.after(setupMs, () => {
      const reason =
        this.#state.phase === "finding" ? "the call was not confirmed in time" : "no setup frame came"
      log.warn("a socket without a call is given up", { reason, waitedMs: setupMs })
      this.#refuse(4408, reason)
    })
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
        return this.#setUp(parsed.frame, text)
      }
      case "finding": {
        state.waiting.push(text)
        const characters = state.waiting.reduce((sum, { length }) => sum + length, 0)
        if (state.waiting.length <= MAX_WAITING && characters <= MAX_WAITING_CHARACTERS) return
        return this.#refuse(1008, "too many frames before the call was confirmed")
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
    this.#cancelDeadline()
    if (this.#state.phase === "claimed") this.#state.session.closed(code, reason)
    else this.#state = { phase: "refused" }
  }

  #setUp({ callSid, customParameters }: RelaySetup, text: string): void {
    const { claim, log } = this.#options
    const { [TOKEN_PARAMETER]: token, ...parameters } = customParameters
    if (token !== undefined) {
      const fault = "the token is unknown, used or expired"
      return this.#claim({ callSid, take: () => claim(token), frames: [text], fault })
    }
    const frames = [text]
    this.#state = { phase: "finding", waiting: frames }
    log.background("finding the call of a socket", this.#find({ callSid, parameters }, frames))
  }

  async #find(setup: ForeignSetup, frames: readonly string[]): Promise<void> {
    const take = await this.#options.find(setup)
    if (this.#state.phase !== "finding") return
    const fault = "the call is unknown, over, or has another session"
    this.#claim({ callSid: setup.callSid, take, frames, fault })
  }

  #claim({ callSid, take, frames, fault }: Claim): void {
    const { log, open } = this.#options
    this.#cancelDeadline()
    try {
      const call = take()
      if (!call) {
        log.warn("setup refused", { callSid, reason: fault })
        return this.#refuse(4403, fault)
      }
      this.#state = { phase: "claimed", session: open(call) }
    } catch (error) {
      log.error("relay session could not be opened", { callSid, error: messageOf(error) })
      return this.#refuse(1011, "the session could not be opened")
    }
    for (const frame of frames) this.receive(frame)
  }

  #refuse(code: number, reason: string): void {
    this.#cancelDeadline()
    this.#state = { phase: "refused" }
    this.#options.socket.close(code, reason)
  }

  #drop(reason: string): void {
    if (this.#badFrames.add()) {
      this.#options.log.warn("frame dropped", { reason, badFrames: this.#badFrames.count })
    }
  }
}

type Claim = { callSid: string; take: TakeCall; frames: readonly string[]; fault: string }
