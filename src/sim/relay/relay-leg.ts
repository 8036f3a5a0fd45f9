/**
 * Twilio's end of one ConversationRelay socket: plays what the server sends, reports what the caller does.
 * Source: Twilio "WebSocket messages for ConversationRelay" and "TwiML Voice: <ConversationRelay>".
 */

import { getLog } from "../../lib/log.ts"
import type { Sweep } from "../../lib/sweep.ts"
import {
  allows,
  parseInterruptible,
  parseServerMessage,
  type Frame,
  type Interruptible,
  type ServerMessage,
  type Setup,
  type TwilioMessage,
} from "./relay-wire.ts"
import { RelaySocket } from "./relay-socket.ts"
import { SpeechPlayout, type SpeechPlayoutOptions } from "./speech-playout.ts"

/** How the session ended, as reported to the `action` of `<Connect>`. */
export type RelayEnd = {
  sessionId: string
  status: "ended" | "completed" | "failed"
  seconds: number
  handoffData?: string
  errorCode?: number
  errorMessage?: string
}

export type RelayLegOptions = Pick<
  SpeechPlayoutOptions,
  "charactersPerSecond" | "speechDelayMs" | "onHeard"
> & {
  sweep: Sweep
  /** Where the socket is opened, with the signature among the headers. */
  url: string
  headers: Record<string, string>
  setup: Setup
  /** Attributes of `<ConversationRelay>`. */
  attributes: Readonly<Record<string, string>>
  /** Codes of the nested `<Language>` elements. */
  languages: readonly string[]
  /** How long one playing of an audio file lasts. */
  audioMs: number
  onFrame: (frame: Frame) => void
}

export type SayOptions = {
  lang?: string
  /** How many growing `last: false` frames come first, where `partialPrompts` asks for them. */
  partials?: number
}

const log = getLog("sim")

const CLOSING = "Closing websocket session"
const MALFORMED_LIMIT = 10
const DIGIT_MS = 100

export class RelayLeg {
  readonly sessionId: string
  /** When the session is over and its socket is closed. Never rejects. */
  readonly ended: Promise<RelayEnd>
  readonly #options: RelayLegOptions
  readonly #playout: SpeechPlayout
  readonly #end = Promise.withResolvers<RelayEnd>()
  readonly #interruptible: Interruptible
  readonly #reported: Interruptible
  readonly #events: readonly string[]
  readonly #startedMs: number
  readonly #socket: RelaySocket
  #over = false
  #ttsLanguage: string
  #sttLanguage: string
  #malformed = 0

  constructor(options: RelayLegOptions) {
    const { attributes, sweep } = options
    this.#options = options
    this.sessionId = options.setup.sessionId
    this.ended = this.#end.promise
    this.#interruptible = parseInterruptible(attributes["interruptible"], "any")
    this.#reported = parseInterruptible(attributes["reportInputDuringAgentSpeech"], "none")
    // `debug` is the older place of the same words.
    this.#events = `${attributes["events"] ?? ""} ${attributes["debug"] ?? ""}`.split(/\s+/)
    this.#ttsLanguage = attributes["ttsLanguage"] ?? attributes["language"] ?? "en-US"
    this.#sttLanguage = attributes["transcriptionLanguage"] ?? attributes["language"] ?? "en-US"
    this.#startedMs = sweep.clock.monotonic()
    this.#playout = new SpeechPlayout({
      ...options,
      onSpeaking: (on) => this.#report("speaker-events", "agentSpeaking", on ? "on" : "off"),
      onClause: (text) => this.#report("tokens-played", "tokensPlayed", text),
      onInterrupt: (utteranceUntilInterrupt, durationUntilInterruptMs) =>
        this.#send({ type: "interrupt", utteranceUntilInterrupt, durationUntilInterruptMs }),
    })
    this.#socket = new RelaySocket({
      ...options,
      onOpen: () => this.#opened(),
      onText: (text) => this.#receive(text),
      onLost: (opened) => this.#lost(opened),
    })
  }

  get agentSpeaking(): boolean {
    return this.#playout.speaking
  }

  /** The caller says something. Returns whether it was sent to the server, and what was heard of the speech it cut off. */
  say(
    text: string,
    { lang, partials = 0 }: SayOptions = {},
  ): { delivered: boolean; cut: string | undefined } {
    if (!this.#socket.live) return { delivered: false, cut: undefined }
    this.#report("speaker-events", "clientSpeaking", "on")
    const speaking = this.#playout.speaking
    const cut = this.#playout.interrupt("speech")
    const delivered = !speaking || cut !== undefined || allows(this.#reported, "speech")
    if (delivered) this.#prompt(text, lang ?? this.#sttLanguage, partials)
    this.#report("speaker-events", "clientSpeaking", "off")
    return { delivered, cut }
  }

  /** A noise of the caller without words. Returns what was heard of the speech it cut off. */
  interrupt(): string | undefined {
    return this.#socket.live ? this.#playout.interrupt("speech") : undefined
  }

  /** One key. Returns whether it was sent to the server. */
  press(digit: string): boolean {
    if (!this.#socket.live || this.#options.attributes["dtmfDetection"] !== "true") return false
    // The frame of a key comes before the interruption it causes.
    const sent = !this.#playout.speaking || allows(this.#reported, "dtmf") || this.#playout.yieldsTo("dtmf")
    if (sent) this.#send({ type: "dtmf", digit })
    this.#playout.interrupt("dtmf")
    return sent
  }

  sendRaw(text: string): void {
    this.#transmit(text, undefined)
  }

  heardWords(words: number): Promise<void> {
    return this.#playout.heardWords(words)
  }

  /** The call is over or goes another way, for a reason that is not the server's. */
  hangup(): void {
    this.#finish({ status: "completed" })
    this.#socket.close(1000, CLOSING)
  }

  /** The network fails: no close frame is sent. */
  drop(): void {
    this.#lost(true)
    this.#socket.cut()
  }

  #opened(): void {
    const { attributes, setup } = this.#options
    this.#send(setup)
    const greeting = attributes["welcomeGreeting"]
    if (!greeting) return
    const interruptible = parseInterruptible(attributes["welcomeGreetingInterruptible"], "any")
    const words = { text: greeting, last: true, lang: this.#ttsLanguage }
    this.#playout.addSpeech("greeting", words, { interruptible, preemptible: false })
  }

  #receive(text: string): void {
    if (this.#over) return
    const message = parseServerMessage(text)
    this.#record("server", text, message)
    if (message) {
      this.#malformed = 0
      this.#obey(message)
      return
    }
    this.#send({ type: "error", description: `Invalid message received, code: 64107, ${text}` })
    this.#malformed += 1
    if (this.#malformed < MALFORMED_LIMIT) return
    const reason = "Too many consecutive malformed messages."
    this.#finish({ status: "failed", errorCode: 64107, errorMessage: reason })
    this.#socket.close(1007, reason)
  }

  #obey(message: ServerMessage): void {
    const preemptible = this.#options.attributes["preemptible"] === "true"
    const defaults = { interruptible: this.#interruptible, preemptible }
    switch (message.type) {
      case "text": {
        const { token, last = false, lang = this.#ttsLanguage } = message
        const words = {
          text: token,
          last,
          lang,
          preemptible: message.preemptible,
          interruptible: asked(message),
        }
        return this.#playout.addSpeech("reply", words, defaults)
      }
      case "play": {
        const durationMs = this.#options.audioMs * (message.loop === 0 ? 1_000 : (message.loop ?? 1))
        return this.#playout.addClip("audio", message.source, durationMs, {
          interruptible: asked(message) ?? defaults.interruptible,
          preemptible: message.preemptible ?? preemptible,
        })
      }
      case "sendDigits": {
        const durationMs = message.digits
          .split("")
          .reduce((ms, key) => ms + (key === "w" ? 500 : DIGIT_MS), 0)
        const flags = { interruptible: "none", preemptible: false } as const
        return this.#playout.addClip("digits", message.digits, durationMs, flags)
      }
      case "language":
        return this.#changeLanguage(message.ttsLanguage, message.transcriptionLanguage)
      case "end": {
        const { handoffData } = message
        this.#finish({ status: "ended", ...(handoffData === undefined ? {} : { handoffData }) })
        return this.#socket.close(1000, CLOSING)
      }
      case "config":
      case "hints":
        return
      default:
        message satisfies never
    }
  }

  #changeLanguage(tts = this.#ttsLanguage, stt = this.#sttLanguage): void {
    const { attributes, languages } = this.#options
    const { language = "en-US", ttsLanguage, transcriptionLanguage } = attributes
    const declared = [language, ttsLanguage, transcriptionLanguage, ...languages]
    const strange = [tts, stt].find((code) => !declared.includes(code))
    if (strange === undefined) {
      this.#ttsLanguage = tts
      this.#sttLanguage = stt
      return
    }
    const errorMessage = `Invalid argument: language ${strange} is not declared, code: 64106`
    this.#send({ type: "error", description: errorMessage })
    this.#finish({ status: "failed", errorCode: 64106, errorMessage })
    this.#socket.close(1000, CLOSING)
  }

  #prompt(voicePrompt: string, lang: string, partials: number): void {
    if (this.#options.attributes["partialPrompts"] === "true") {
      const words = voicePrompt.split(" ")
      for (let part = 1; part <= partials; part += 1) {
        const heard = words
          .slice(0, Math.max(1, Math.round((words.length * part) / (partials + 1))))
          .join(" ")
        this.#send({ type: "prompt", voicePrompt: heard, lang, last: false })
      }
    }
    this.#send({ type: "prompt", voicePrompt, lang, last: true })
  }

  #report(event: string, name: "agentSpeaking" | "clientSpeaking" | "tokensPlayed", value: string): void {
    if (this.#events.includes(event)) this.#send({ type: "info", name, value })
  }

  #send(message: TwilioMessage): void {
    this.#transmit(JSON.stringify(message), message)
  }

  #transmit(text: string, message: TwilioMessage | undefined): void {
    if (!this.#socket.live) return
    this.#record("twilio", text, message)
    this.#socket.send(text)
  }

  #record(from: Frame["from"], text: string, message: Frame["message"]): void {
    const at = this.#options.sweep.clock.now()
    this.#options.onFrame({ at, from, sessionId: this.sessionId, text, message })
  }

  #lost(opened: boolean): void {
    const why = opened
      ? { errorCode: 64105, errorMessage: "Websocket ended" }
      : { errorCode: 64102, errorMessage: "Unable to connect to websocket" }
    this.#finish({ status: "failed", ...why })
  }

  #finish(end: Omit<RelayEnd, "sessionId" | "seconds">): void {
    if (this.#over) return
    this.#over = true
    this.#playout.discard()
    const seconds = Math.floor((this.#options.sweep.clock.monotonic() - this.#startedMs) / 1_000)
    log.background("relay session", this.#settle({ sessionId: this.sessionId, seconds, ...end }))
  }

  async #settle(end: RelayEnd): Promise<void> {
    await this.#socket.closed
    this.#end.resolve(end)
  }
}

function asked({ interruptible }: { interruptible?: boolean | undefined }): Interruptible | undefined {
  if (interruptible === undefined) return undefined
  return interruptible ? "any" : "none"
}
