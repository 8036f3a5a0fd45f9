/** Speech output over ConversationRelay: frames to Twilio, and an estimate of when the caller has heard them. */

import { encodeHandoffData, type SessionEnd } from "../call/session-end.ts"
import type { SpeechOutput } from "../conversation/speech-output.ts"
import type { Socket } from "../lib/socket.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { VoiceAction } from "../tools/define-tool.ts"
import { encodeRelayFrame, type RelayOutbound } from "../twilio/relay-messages.ts"
import { PlayoutEstimate } from "./playout-estimate.ts"

/** Allowed beyond the estimated end of speech before it counts as heard. */
const ESTIMATE_GRACE_MS = 300
/** Twilio closes the socket after `end`; if it does not, we do, after this time. */
const CLOSE_AFTER_END_MS = 5_000

export type RelayOutputOptions = { socket: Socket; sweep: Sweep; log: Log }

type State =
  | { phase: "open"; /** Whether Twilio expects more text of the same talk cycle. */ inTalkCycle: boolean }
  /** `end` was sent; nothing may follow it. */
  | { phase: "ended"; cancelClose: () => void }
  | { phase: "closed" }

export class RelayOutput implements SpeechOutput {
  muted = false
  readonly #socket: Socket
  readonly #sweep: Sweep
  readonly #log: Log
  readonly #playout = new PlayoutEstimate()
  #state: State = { phase: "open", inTalkCycle: false }

  constructor({ socket, sweep, log }: RelayOutputOptions) {
    this.#socket = socket
    this.#sweep = sweep
    this.#log = log
  }

  /** Text that Twilio speaks without a frame: the greeting of the TwiML. */
  spokenByTwilio(text: string): void {
    this.#playout.sent(text, this.#now())
  }

  text(text: string): void {
    if (this.muted) return
    this.#talkCycle(true)
    this.#playout.sent(text, this.#now())
    this.#send({ type: "text", token: text, last: false })
  }

  finish(): void {
    this.#talkCycle(false)
    this.#send({ type: "text", token: "", last: true })
  }

  sentence(text: string, { preemptible = false }: { preemptible?: boolean } = {}): void {
    if (this.muted) return
    // Within an open talk cycle Twilio would take the sentence for the rest of it.
    if (this.#state.phase === "open" && this.#state.inTalkCycle) this.finish()
    this.#playout.sent(text, this.#now(), { preemptible })
    this.#send({ type: "text", token: text, last: true, ...(preemptible ? { preemptible } : {}) })
  }

  act(action: VoiceAction): void {
    switch (action.type) {
      case "send-digits":
        this.#send({ type: "sendDigits", digits: action.digits })
        return
      case "play-media":
        if (this.muted) return
        this.#send({
          type: "play",
          source: action.source,
          loop: action.loop,
          preemptible: action.preemptible,
          interruptible: action.interruptible,
        })
        return
      case "switch-language":
        if (this.muted) return
        this.#send({
          type: "language",
          ttsLanguage: action.ttsLanguage,
          transcriptionLanguage: action.transcriptionLanguage,
        })
        return
      default:
        action satisfies never
    }
  }

  /** Sends a frame that a program made, also while muted. */
  frame(frame: RelayOutbound): void {
    if (frame.type === "text") {
      this.#talkCycle(!frame.last)
      this.#playout.sent(frame.token, this.#now(), { preemptible: frame.preemptible === true })
    }
    this.#send(frame)
    if (frame.type === "end") this.#awaitClose()
  }

  interrupt(): void {
    this.#talkCycle(false)
    this.#playout.purged(this.#now())
  }

  quietAt(): number {
    return this.#playout.endsAtSeen(this.#now())
  }

  heardBy(): number | undefined {
    const { endsAt, speaking } = this.#playout
    if (speaking) return Number.POSITIVE_INFINITY
    return endsAt <= this.#now() ? undefined : endsAt + ESTIMATE_GRACE_MS
  }

  /** Twilio reported that the agent began or ceased to be audible. */
  agentSpeaking(on: boolean): void {
    this.#playout.reported(on, this.#now())
  }

  /** Ends the session. Twilio returns the reason with its request for the next step. */
  end(end: SessionEnd): void {
    if (this.#state.phase !== "open") return
    this.#send({ type: "end", handoffData: encodeHandoffData(end) })
    this.#awaitClose()
  }

  /** The socket is closed. */
  close(): void {
    if (this.#state.phase === "ended") this.#state.cancelClose()
    this.#state = { phase: "closed" }
  }

  #talkCycle(inTalkCycle: boolean): void {
    if (this.#state.phase === "open") this.#state.inTalkCycle = inTalkCycle
  }

  #awaitClose(): void {
    if (this.#state.phase !== "open") return
    const close = () => this.#socket.close(1000, "session ended")
    this.#state = { phase: "ended", cancelClose: this.#sweep.after(CLOSE_AFTER_END_MS, close) }
  }

  #send(frame: RelayOutbound): void {
    if (this.#state.phase !== "open") return
    let text: string
    try {
      text = encodeRelayFrame(frame)
    } catch (error) {
      // Nothing invalid is ever sent; the call continues without it.
      this.#log.error("invalid frame not sent", { frame: frame.type, error })
      return
    }
    if (this.#socket.send(text) === 0) {
      // A dropped frame is a hole in the conversation. The call resumes on a new socket.
      this.#log.error("socket dropped a frame", { frame: frame.type })
      this.close()
      this.#socket.close(1011, "cannot keep up")
    }
  }

  #now(): number {
    return this.#sweep.clock.monotonic()
  }
}
