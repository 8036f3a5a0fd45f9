/** One ConversationRelay socket of Twilio's: which frames go where. What is said is the engine's. */

import type { CallContext } from "../conversation/call-context.ts"
import { CallSession, type CallSessionOptions, type SessionEngine } from "../conversation/call-session.ts"
import type { Socket, SocketSession } from "../lib/socket.ts"
import { parseRelayFrame, type RelayInbound, type RelaySetup } from "../twilio/relay-messages.ts"

/** A conversation over ConversationRelay. */
export interface RelayEngine extends SessionEngine {
  /** A frame of Twilio's. */
  hear(frame: Exclude<RelayInbound, { type: "setup" }>): void
}

export type OpenRelayEngine = (context: CallContext, socket: Socket, setup: RelaySetup) => RelayEngine

export type RelaySessionOptions = CallSessionOptions & { openEngine: OpenRelayEngine }

/** A caller's first seconds have a handful of frames. */
const WAITING = { frames: 32, characters: 64 * 1024 }

export class RelaySession implements SocketSession {
  readonly #options: RelaySessionOptions
  readonly #session: CallSession<RelayEngine>

  constructor(options: RelaySessionOptions) {
    this.#options = options
    this.#session = new CallSession(options, {
      firstFrame: "setup",
      waiting: WAITING,
      deliver: (text) => this.receive(text),
    })
  }

  receive(text: string): void {
    const { state } = this.#session
    switch (state.phase) {
      case "awaiting-first-frame":
        return this.#first(text)
      case "opening":
        return this.#session.wait(text)
      case "live":
        return this.#hear(state.live, text)
      case "closed":
        return
      default:
        state satisfies never
    }
  }

  closed(code: number, reason: string): void {
    this.#session.closed(code, reason)
  }

  #first(text: string): void {
    const setup = this.#parse(text)
    if (!setup) return
    if (setup.type !== "setup") {
      return this.#session.reject(`First frame was '${setup.type}', expected 'setup'`)
    }
    const { openEngine, socket } = this.#options
    this.#session.open(setup, (context) => openEngine(context, socket, setup))
  }

  #hear(engine: RelayEngine, text: string): void {
    const frame = this.#parse(text)
    if (!frame) return
    if (frame.type !== "setup") return engine.hear(frame)
    this.#session.log.warn("a second setup frame was ignored")
  }

  #parse(text: string): RelayInbound | undefined {
    const parsed = parseRelayFrame(text)
    if (parsed.ok) return parsed.frame
    this.#session.reject(parsed.reason)
    return undefined
  }
}
