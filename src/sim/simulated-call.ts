/** One call from the side of Twilio and the caller: webhooks, TwiML, the sockets of its sessions, status callbacks. */

import { CallSid } from "../call/ids.ts"
import type { CallStatus } from "../call/status.ts"
import { messageOf } from "../lib/errors.ts"
import { getLog } from "../lib/log.ts"
import { parseTwiml, type TwimlVerb } from "./twiml-reader.ts"
import { CallAudio } from "./media/call-audio.ts"
import { CallState } from "./call-state.ts"
import type { CallLink, CallOptions } from "./call-options.ts"
import { heardSpeech, type CallSummary } from "./call-summary.ts"
import { readTwimlResponse, webhookProblem } from "./twiml-response.ts"
import { AwaitableLog } from "./awaitable-log.ts"
import type { MediaLeg } from "./media/media-leg.ts"
import { connectRelay } from "./relay/relay-connect.ts"
import type { RelayLeg, SayOptions, RelayEnd } from "./relay/relay-leg.ts"
import type { Frame } from "./relay/relay-wire.ts"
import { newSid } from "./sids.ts"
import type { HeardItem } from "./relay/speech-playout.ts"
import type { ResponseResult, TwimlResponse } from "./response-steps.ts"
import { TwimlPlayer } from "./twiml-player.ts"
import type { WebhookExchange } from "./webhook-sender.ts"

const log = getLog("sim")

/** Ends a loop of redirects: fetching TwiML is one step, running it another. */
const MAX_STEPS = 200
const APPLICATION_ERROR = "We are sorry, an application error has occurred. Goodbye."

export class SimulatedCall {
  readonly callSid = CallSid.parse(newSid("CA"))
  readonly from: string
  readonly to: string
  readonly direction: "inbound" | "outbound"
  readonly frames: AwaitableLog<Frame>
  readonly spoken: AwaitableLog<HeardItem>
  readonly verbs: AwaitableLog<TwimlVerb>
  /** `<Gather>` and `<Record>` that wait for the caller. */
  readonly questions: AwaitableLog<TwimlVerb>
  readonly webhooks: AwaitableLog<WebhookExchange>
  /** The audio and the frames of its media streams. */
  readonly audio: CallAudio
  /** When the call is over and every callback was answered. Never rejects. */
  readonly ended: Promise<CallSummary>
  readonly #link: CallLink
  readonly #options: CallOptions
  readonly #player: TwimlPlayer
  readonly #state: CallState
  readonly #problems: string[] = []
  readonly #end = Promise.withResolvers<CallSummary>()
  /** Stops what is running: the call ended, or new instructions came. */
  #current = new AbortController()
  #replacement: ResponseResult | TwimlResponse | undefined
  #sockets = 0

  /** Made by `SimulatedTwilio.call`. */
  constructor(link: CallLink, options: CallOptions) {
    this.#link = link
    this.#options = options
    this.from = options.from
    this.to = options.to
    this.direction = options.direction
    this.frames = new AwaitableLog("the frames of the call", link.keep)
    this.spoken = new AwaitableLog("the speech of the call", link.keep)
    this.verbs = new AwaitableLog("the verbs of the call", link.keep)
    this.questions = new AwaitableLog("the questions of the call", link.keep)
    this.webhooks = new AwaitableLog("the webhooks of the call", link.keep)
    this.ended = this.#end.promise
    this.#state = new CallState({
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
      answer: () => this.#state.answer(),
      waiting: (verb) => this.questions.push(verb),
      connectRelay: (relay) => this.#connectRelay(relay),
      openStream: (stream, base) => this.#counted(this.audio.open(stream, base)),
      notify: ({ url, base, method, extra }) =>
        this.#notify(link.webhooks.resolve(url, base), method, { ...this.#state.form(), ...extra }),
      problem: (text) => this.#problem(text),
    })
    log.background("simulated call", this.#run())
  }

  get status(): CallStatus {
    return this.#state.status
  }

  /** Status and times, for display. */
  get state(): Pick<CallState, "status" | "startedAt" | "answeredAt" | "endedAt" | "seconds"> {
    return this.#state
  }

  get agentSpeaking(): boolean {
    return this.#player.leg?.agentSpeaking ?? false
  }

  /** Whether a menu waits for keys, speech or a message, instead of an agent. */
  get asks(): boolean {
    return this.#player.asks
  }

  /** The media stream that is open: the caller speaks audio through it. */
  get stream(): MediaLeg | undefined {
    return this.#player.stream
  }

  /**
   * The caller speaks: to a `<Gather>`, or to the agent, whose speech is cut off first where that is allowed. `cut` is
   * what was heard of it. `delivered` is false when nothing receives it.
   */
  say(text: string, options: SayOptions = {}): { delivered: boolean; cut: string | undefined } {
    if (this.#player.say(text)) return { delivered: true, cut: undefined }
    return this.#player.relay?.say(text, options) ?? { delivered: false, cut: undefined }
  }

  /** The caller makes a noise without words. Returns what was heard of the speech it cut off. */
  interrupt(): string | undefined {
    return this.#player.relay?.interrupt()
  }

  /** Presses keys one after another. Returns how many were accepted. */
  press(digits: string): number {
    return digits
      .split("")
      .filter((digit) => this.#player.press(digit) || (this.#player.leg?.press(digit) ?? false)).length
  }

  /** Ends the call from the caller's side or by REST. Ending twice is harmless. */
  hangup(): void {
    const canceled = this.#state.answeredAt === undefined && this.direction === "outbound"
    this.#over(canceled ? "canceled" : "completed")
  }

  /** Picks up an outgoing call that rings. */
  answer(): void {
    this.#state.pickUp()
  }

  /** Loses the connection of the session; the call continues. */
  dropSocket(): void {
    this.#player.leg?.drop()
  }

  /** Sends a frame as it is. */
  sendRaw(text: string): void {
    this.#player.leg?.sendRaw(text)
  }

  /** New instructions by REST: they end what is running. Throws `AppError` INVALID_REQUEST for invalid TwiML. */
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

  /** Resolves when so many words of the agent's current or next utterance were heard, or it ended, or no session is open. */
  async heardWords(words: number): Promise<void> {
    await this.#player.relay?.heardWords(words)
  }

  get #voiceUrl(): string {
    return this.#link.webhooks.resolve(this.#options.voiceUrl ?? "/twilio/voice")
  }

  async #run(): Promise<void> {
    try {
      if (this.direction === "outbound") await this.#state.ring()
      if (this.#state.endedAt === undefined) await this.#talk()
    } catch (error) {
      this.#problem(messageOf(error))
    }
    this.#over("completed")
    await Promise.all([this.#state.reportEnd(), this.audio.close()])
    this.#end.resolve(this.#summary())
    const reason = `the call is over (${this.status})`
    const { frames, spoken, verbs, questions, webhooks, audio } = this
    for (const record of [frames, spoken, verbs, questions, webhooks, audio.frames, audio.heard])
      record.close(reason)
  }

  async #talk(): Promise<void> {
    const { twiml, method = "POST" } = this.#options
    const url = this.#voiceUrl
    let step: ResponseResult | TwimlResponse =
      twiml === undefined
        ? { type: "fetch", url, base: url, method, extra: {} }
        : { url, verbs: parseTwiml(twiml) }
    for (let count = 0; this.#state.endedAt === undefined; count += 1) {
      if (count === MAX_STEPS) return this.#problem("too many documents")
      const { signal } = this.#current
      if ("type" in step && step.type === "end")
        return this.#over(this.#state.answeredAt ? "completed" : step.reason)
      step = await ("type" in step ? this.#follow(step, signal) : this.#player.play(step, signal))
      if (!this.#replacement) continue
      step = this.#replacement
      this.#replacement = undefined
      this.#current = new AbortController()
    }
  }

  /** Fetches the TwiML a step asks for. When the request fails the caller hears an error message and the call ends. */
  async #follow(step: ResponseResult, signal: AbortSignal): Promise<ResponseResult | TwimlResponse> {
    if (step.type === "end") return step
    const url = this.#link.webhooks.resolve(step.url, step.base)
    const answer = await this.#request(url, step.method, { ...this.#state.form(), ...step.extra }, signal)
    if (signal.aborted) return { type: "end", reason: "completed" }
    const read = readTwimlResponse(url, answer)
    if ("verbs" in read) return { url, verbs: read.verbs }
    this.#problem(read.problem)
    const say = { name: "Say", attributes: {}, text: APPLICATION_ERROR, children: [] }
    return { url, verbs: [say] }
  }

  /** Sends a request whose response is not run. */
  async #notify(url: string, method: "GET" | "POST", form: Record<string, string>): Promise<void> {
    const problem = webhookProblem(url, await this.#request(url, method, form))
    if (problem !== undefined) this.#problem(problem)
  }

  async #request(url: string, method: "GET" | "POST", form: Record<string, string>, signal?: AbortSignal) {
    const answer = await this.#link.webhooks.send({ url, method, form, ...(signal ? { signal } : {}) })
    this.webhooks.push({ at: this.#link.sweep.clock.now(), url, form, answer })
    return answer
  }

  #connectRelay(relay: TwimlVerb): RelayLeg | RelayEnd {
    const { callSid, from, to, direction, status } = this
    const { webhooks, sweep, pace, accountSid } = this.#link
    const opened = connectRelay({
      relay,
      webhooks,
      sweep,
      pace,
      call: { accountSid, callSid, from, to, direction, status },
      onFrame: (frame) => this.frames.push(frame),
      onHeard: (spoken) => this.spoken.push(spoken),
    })
    return this.#counted(opened)
  }

  #counted<T extends object>(opened: T): T {
    if ("ended" in opened) this.#sockets += 1
    return opened
  }

  #over(status: CallStatus): void {
    if (!this.#state.end(status)) return
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
      seconds: this.#state.seconds,
      verbs: this.verbs.all.map(({ name }) => name),
      heard: heardSpeech(this.spoken.all),
      frames: this.frames.count,
      sockets: this.#sockets,
      sessions: this.#player.sessions,
      streams: this.#player.streams,
      problems: this.#problems,
    }
  }
}
