/** One call as Twilio and the caller have it: webhooks, TwiML, the sockets of its sessions, status callbacks. */

import { CallSid } from "../call/ids.ts"
import type { CallStatus } from "../call/status.ts"
import { messageOf } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { parseTwiml, type TwimlVerb } from "./twiml-reader.ts"
import { CallAudio } from "./media/call-audio.ts"
import { CallLife } from "./call-state.ts"
import type { CallLink, CallOptions } from "./call-options.ts"
import { heardText, type CallSummary } from "./call-summary.ts"
import { readDocument, webhookProblem } from "./twiml-response.ts"
import { Feed } from "./awaitable-log.ts"
import type { MediaLeg } from "./media/media-leg.ts"
import { openRelay } from "./relay/relay-connect.ts"
import type { RelayLeg, SayOptions, RelayEnd } from "./relay/relay-leg.ts"
import type { Frame } from "./relay/relay-wire.ts"
import { newSid } from "./sids.ts"
import type { Spoken } from "./relay/speech-playout.ts"
import { TwimlPlayer, type DocumentResult, type TwimlDocument } from "./twiml-player.ts"
import type { Exchange } from "./webhooks.ts"

const log = getLog("sim")

/** Ends a circle of redirects: fetching a document is a step, and running it is another. */
const MAX_STEPS = 200
const APPLICATION_ERROR = "We are sorry, an application error has occurred. Goodbye."

export class SimulatedCall {
  readonly callSid = CallSid.parse(newSid("CA"))
  readonly from: string
  readonly to: string
  readonly direction: "inbound" | "outbound"
  readonly frames: Feed<Frame>
  readonly spoken: Feed<Spoken>
  readonly verbs: Feed<TwimlVerb>
  readonly webhooks: Feed<Exchange>
  /** The sound and the frames of its media streams. */
  readonly audio: CallAudio
  /** When the call is over and every callback was answered. Never rejects. */
  readonly ended: Promise<CallSummary>
  readonly #link: CallLink
  readonly #options: CallOptions
  readonly #player: TwimlPlayer
  readonly #life: CallLife
  readonly #problems: string[] = []
  readonly #end = Promise.withResolvers<CallSummary>()
  /** Stops what is going on: the call ended, or new instructions came. */
  #current = new AbortController()
  #replacement: DocumentResult | TwimlDocument | undefined
  #sockets = 0

  /** Made by `SimulatedTwilio.call`. */
  constructor(link: CallLink, options: CallOptions) {
    this.#link = link
    this.#options = options
    this.from = options.from
    this.to = options.to
    this.direction = options.direction
    this.frames = new Feed("the frames of the call", link.keep)
    this.spoken = new Feed("the speech of the call", link.keep)
    this.verbs = new Feed("the verbs of the call", link.keep)
    this.webhooks = new Feed("the webhooks of the call", link.keep)
    this.ended = this.#end.promise
    this.#life = new CallLife({
      ...options,
      outcome: options.outcome ?? "answer",
      accountSid: link.accountSid,
      callSid: this.callSid,
      sweep: link.sweep,
      send: ({ url, method = "POST" }, form) => this.#notify(url, method, form),
      onLimit: () => this.#over("completed"),
    })
    this.audio = new CallAudio({
      link,
      callSid: this.callSid,
      recordTo: options.recordTo,
      send: (url, method, form) => this.#notify(url, method, form),
      problem: (text) => this.#problem(text),
    })
    this.#player = new TwimlPlayer({
      sweep: link.sweep,
      pace: link.pace,
      spoken: this.spoken,
      verbs: this.verbs,
      dialStatus: options.dialStatus ?? "completed",
      answer: () => this.#life.answer(),
      openRelay: (relay) => this.#openRelay(relay),
      openStream: (stream, base) => this.#counted(this.audio.open(stream, base)),
      notify: ({ url, base, method, extra }) =>
        this.#notify(link.webhooks.resolve(url, base), method, { ...this.#life.form(), ...extra }),
      problem: (text) => this.#problem(text),
    })
    log.background("simulated call", this.#run())
  }

  get status(): CallStatus {
    return this.#life.status
  }

  /** Status and times, for who shows the call. */
  get life(): Pick<CallLife, "status" | "startedAt" | "answeredAt" | "endedAt" | "seconds"> {
    return this.#life
  }

  get agentSpeaking(): boolean {
    return this.#player.leg?.agentSpeaking ?? false
  }

  /** The media stream that is open: by it the caller speaks with sound. */
  get stream(): MediaLeg | undefined {
    return this.#player.stream
  }

  /**
   * The caller speaks: to a `<Gather>`, or to the agent, whose speech is cut off first where that is allowed. `cut` is
   * what was heard of it. `delivered` is false where nobody listens.
   */
  say(text: string, options: SayOptions = {}): { delivered: boolean; cut: string | undefined } {
    if (this.#player.say(text)) return { delivered: true, cut: undefined }
    return this.#player.relay?.say(text, options) ?? { delivered: false, cut: undefined }
  }

  /** The caller makes a sound that is no words. Returns what was heard of the speech it cut off. */
  interrupt(): string | undefined {
    return this.#player.relay?.interrupt()
  }

  /** Presses keys one after another. Returns how many of them somebody took. */
  press(digits: string): number {
    return digits
      .split("")
      .filter((digit) => this.#player.press(digit) || (this.#player.leg?.press(digit) ?? false)).length
  }

  /** Ends the call from the caller's side or by REST. Ending twice is harmless. */
  hangup(): void {
    const canceled = this.#life.answeredAt === undefined && this.direction === "outbound"
    this.#over(canceled ? "canceled" : "completed")
  }

  /** Picks up an outgoing call that rings. */
  answer(): void {
    this.#life.pickUp()
  }

  /** Loses the connection of the session; the call goes on. */
  dropSocket(): void {
    this.#player.leg?.drop()
  }

  /** Sends a frame as it is. */
  sendRaw(text: string): void {
    this.#player.leg?.sendRaw(text)
  }

  /** New instructions by REST: they end what is running. Throws `AppError` INVALID_REQUEST for TwiML that is none. */
  redirect(to: { url: string; method?: "GET" | "POST" } | { twiml: string }): void {
    const base = this.#voiceUrl
    this.#replacement =
      "twiml" in to
        ? { url: base, verbs: parseTwiml(to.twiml) }
        : { type: "fetch", url: to.url, base, method: to.method ?? "POST", extra: {} }
    this.#current.abort("redirect")
    this.#player.leg?.hangup()
  }

  /** What was heard of the next talk cycle of the agent that is played to its end; the greeting counts as one. */
  async agentTurn(): Promise<string> {
    const spoken = await this.spoken.next(
      ({ source, last, complete }) => last && complete && (source === "reply" || source === "greeting"),
    )
    return spoken.text
  }

  /** Resolves when so many words of the agent's current or next utterance were heard, or it ended, or nobody is there. */
  async heardWords(words: number): Promise<void> {
    await this.#player.relay?.heardWords(words)
  }

  get #voiceUrl(): string {
    return this.#link.webhooks.resolve(this.#options.voiceUrl ?? "/twilio/voice")
  }

  async #run(): Promise<void> {
    try {
      if (this.direction === "outbound") await this.#life.ring()
      if (this.#life.endedAt === undefined) await this.#talk()
    } catch (error) {
      this.#problem(messageOf(error))
    }
    this.#over("completed")
    await Promise.all([this.#life.reportEnd(), this.audio.close()])
    this.#end.resolve(this.#summary())
    const reason = `the call is over (${this.status})`
    const { frames, spoken, verbs, webhooks, audio } = this
    for (const feed of [frames, spoken, verbs, webhooks, audio.frames, audio.heard]) feed.close(reason)
  }

  async #talk(): Promise<void> {
    const { twiml, method = "POST" } = this.#options
    const url = this.#voiceUrl
    let step: DocumentResult | TwimlDocument =
      twiml === undefined
        ? { type: "fetch", url, base: url, method, extra: {} }
        : { url, verbs: parseTwiml(twiml) }
    for (let count = 0; this.#life.endedAt === undefined; count += 1) {
      if (count === MAX_STEPS) return this.#problem("too many documents")
      const { signal } = this.#current
      if ("type" in step && step.type === "end")
        return this.#over(this.#life.answeredAt ? "completed" : step.reason)
      step = await ("type" in step ? this.#follow(step, signal) : this.#player.play(step, signal))
      if (!this.#replacement) continue
      step = this.#replacement
      this.#replacement = undefined
      this.#current = new AbortController()
    }
  }

  /** Fetches the document a step asks for. One that cannot be had is told to the caller, and ends the call. */
  async #follow(step: DocumentResult, signal: AbortSignal): Promise<DocumentResult | TwimlDocument> {
    if (step.type === "end") return step
    const url = this.#link.webhooks.resolve(step.url, step.base)
    const answer = await this.#request(url, step.method, { ...this.#life.form(), ...step.extra }, signal)
    if (signal.aborted) return { type: "end", reason: "completed" }
    const read = readDocument(url, answer)
    if ("verbs" in read) return { url, verbs: read.verbs }
    this.#problem(read.problem)
    const say = { name: "Say", attributes: {}, text: APPLICATION_ERROR, children: [] }
    return { url, verbs: [say] }
  }

  /** Tells the server of something whose answer is not run. */
  async #notify(url: string, method: "GET" | "POST", form: Record<string, string>): Promise<void> {
    const problem = webhookProblem(url, await this.#request(url, method, form))
    if (problem !== undefined) this.#problem(problem)
  }

  async #request(url: string, method: "GET" | "POST", form: Record<string, string>, signal?: AbortSignal) {
    const answer = await this.#link.webhooks.send({ url, method, form, ...(signal ? { signal } : {}) })
    this.webhooks.push({ at: this.#link.sweep.clock.now(), url, form, answer })
    return answer
  }

  #openRelay(relay: TwimlVerb): RelayLeg | RelayEnd {
    const { callSid, from, to, direction, status } = this
    const { webhooks, sweep, pace, accountSid } = this.#link
    const opened = openRelay({
      relay,
      webhooks,
      sweep,
      pace,
      call: { accountSid, callSid, from, to, direction, status },
      onFrame: (frame) => this.frames.push(frame),
      onSpoken: (spoken) => this.spoken.push(spoken),
    })
    return this.#counted(opened)
  }

  #counted<T extends object>(opened: T): T {
    if ("ended" in opened) this.#sockets += 1
    return opened
  }

  #over(status: CallStatus): void {
    if (!this.#life.end(status)) return
    this.#current.abort("hang-up")
    this.#player.leg?.hangup()
  }

  #problem(text: string): void {
    if (this.#problems.length < 100) this.#problems.push(text)
  }

  #summary(): CallSummary {
    return {
      callSid: this.callSid,
      status: this.status,
      seconds: this.#life.seconds,
      verbs: this.verbs.all.map(({ name }) => name),
      heard: heardText(this.spoken.all),
      frames: this.frames.count,
      sockets: this.#sockets,
      sessions: this.#player.sessions,
      streams: this.#player.streams,
      problems: this.#problems,
    }
  }
}
