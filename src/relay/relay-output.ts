/** The voice of a conversation over ConversationRelay: frames to Twilio, and the end of the session after the last word. */

import type { Voice } from "../conversation/speech-output.ts"
import type { Socket } from "../lib/socket.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { Handoff, VoiceAction } from "../tools/define-tool.ts"
import { encodeRelayFrame, type RelayOutbound } from "../twilio/relay-messages.ts"
import { PlayoutEstimate } from "./playout-estimate.ts"

/** Allowed beyond the estimated end of the farewell before the session is ended all the same. */
const END_GRACE_MS = 300
/** The same while Twilio says that the agent is still audible. */
const SPEAKING_GRACE_MS = 10_000
/** Twilio closes the socket after `end`; if it does not, we do, after this time. */
const CLOSE_AFTER_END_MS = 5_000

export type RelayOutputOptions = {
  socket: Socket
  sweep: Sweep
  log: Log
  /** Whether it begins muted. */
  listenMode: boolean
}

export class RelayOutput implements Voice {
  /** Mutes what is spoken and played; digits and the end of the call still go out. */
  muted: boolean
  readonly #socket: Socket
  readonly #sweep: Sweep
  readonly #log: Log
  readonly #clock = new PlayoutEstimate()
  /** Whether Twilio was sent words to which more may come. */
  #talkCycleOpen = false
  #handoff: Handoff | undefined
  /** When the session is ended in any case. */
  #endByMs = 0
  #ended = false
  #cancelEnd = () => {}

  constructor({ socket, sweep, log, listenMode }: RelayOutputOptions) {
    this.#socket = socket
    this.#sweep = sweep
    this.#log = log
    this.muted = listenMode
  }

  /** Words that Twilio speaks by itself: the greeting of the TwiML. */
  spokenByTwilio(text: string): void {
    this.#clock.sent(text, this.#now())
  }

  token(text: string): void {
    this.#talkCycleOpen = true
    this.#clock.sent(text, this.#now())
    this.#send({ type: "text", token: text, last: false })
  }

  finish(): void {
    this.#talkCycleOpen = false
    this.#send({ type: "text", token: "", last: true })
  }

  line(text: string, { preemptible = false }: { preemptible?: boolean } = {}): void {
    // Within an open talk cycle Twilio would take the line for the rest of it.
    if (this.#talkCycleOpen) this.finish()
    this.#clock.sent(text, this.#now(), { preemptible })
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

  /** Sends a frame as somebody else made it. */
  frame(frame: RelayOutbound): void {
    if (frame.type === "text") {
      this.#talkCycleOpen = !frame.last
      this.#clock.sent(frame.token, this.#now(), { preemptible: frame.preemptible === true })
    }
    this.#send(frame)
    if (frame.type === "end") this.#awaitClose()
  }

  end(handoff: Handoff): void {
    if (this.#handoff) return
    this.#handoff = handoff
    this.#endByMs = Math.max(this.#clock.endsAt, this.#now()) + SPEAKING_GRACE_MS
    this.#endWhenQuiet()
  }

  quietAt(): number {
    return this.#clock.endsAtSeen(this.#now())
  }

  /** Twilio reported that the agent began or ceased to be audible. */
  agentSpeaking(on: boolean): void {
    this.#clock.reported(on, this.#now())
    if (this.#handoff) this.#endWhenQuiet()
  }

  interrupted(): void {
    this.#talkCycleOpen = false
    this.#clock.purged(this.#now())
    if (this.#handoff) this.#endNow()
  }

  /** The socket is gone. */
  close(): void {
    this.#ended = true
    this.#cancelEnd()
  }

  #endWhenQuiet(): void {
    if (this.#ended) return
    this.#cancelEnd()
    const now = this.#now()
    const waitMs = this.#clock.endsAt - now
    if (waitMs <= 0 && !this.#clock.speaking) return this.#endNow()
    const limitMs = this.#endByMs - now
    const patienceMs = this.#clock.speaking ? limitMs : Math.min(waitMs + END_GRACE_MS, limitMs)
    this.#cancelEnd = this.#sweep.after(Math.max(0, patienceMs), () => this.#endNow())
  }

  #endNow(): void {
    if (this.#ended || !this.#handoff) return
    this.#cancelEnd()
    this.#send({ type: "end", handoffData: JSON.stringify(this.#handoff) })
    this.#awaitClose()
  }

  /** Nothing is sent after the end. Twilio closes the socket; if it does not, we do. */
  #awaitClose(): void {
    this.#ended = true
    this.#cancelEnd()
    this.#cancelEnd = this.#sweep.after(CLOSE_AFTER_END_MS, () => this.#socket.close(1000, "session ended"))
  }

  #send(frame: RelayOutbound): void {
    if (this.#ended) return
    let text: string
    try {
      text = encodeRelayFrame(frame)
    } catch (error) {
      // Nothing invalid is ever sent; the call goes on without it.
      this.#log.error("invalid frame not sent", { frame: frame.type, error })
      return
    }
    if (this.#socket.send(text) === 0) {
      // A dropped frame is a hole in the conversation. The call is taken up again on a fresh socket.
      this.#log.error("socket dropped a frame", { frame: frame.type })
      this.close()
      this.#socket.close(1011, "cannot keep up")
    }
  }

  #now(): number {
    return this.#sweep.clock.now()
  }
}
