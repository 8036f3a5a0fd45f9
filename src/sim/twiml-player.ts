/** Runs TwiML for one simulated call, verb by verb. Ringing and status callbacks belong to the call. */

import type { Sweep } from "../lib/sweep.ts"
import type { TwimlVerb } from "./twiml-reader.ts"
import type { AwaitableLog } from "./awaitable-log.ts"
import { Gather, type Gathered } from "./gather.ts"
import { MessageRecording } from "./message-recording.ts"
import { recordRequests } from "./record-requests.ts"
import type { MediaLeg, StreamEnd } from "./media/media-leg.ts"
import type { RelayLeg, RelayEnd } from "./relay/relay-leg.ts"
import { fetchStep, type FetchStep, type ResponseResult, type TwimlResponse } from "./response-steps.ts"
import { SpeechPlayout, type HeardItem } from "./relay/speech-playout.ts"

export type Pace = { charactersPerSecond: number; speechDelayMs: number; audioMs: number }

export type PlayerOptions = {
  sweep: Sweep
  pace: Pace
  spoken: AwaitableLog<HeardItem>
  verbs: AwaitableLog<TwimlVerb>
  /** The result of a `<Dial>` or an `<Enqueue>`. */
  dialStatus: string
  /** Answers the call if it is not answered yet. */
  answer: () => void
  /** Opens the socket, or returns why it failed. */
  connectRelay: (relay: TwimlVerb) => RelayLeg | RelayEnd
  /** The same for a media stream; `base` is the address that relative ones begin with. */
  openStream: (stream: TwimlVerb, base: string) => MediaLeg | StreamEnd
  /** A `<Gather>` or `<Record>` waits for the caller: its prompts were played. */
  waiting: (verb: TwimlVerb) => void
  /** Requests an `action` of a call that is over, or a callback; the answer is not run. */
  notify: (step: FetchStep) => Promise<void>
  problem: (text: string) => void
}

export class TwimlPlayer {
  readonly #options: PlayerOptions
  readonly sessions: RelayEnd[] = []
  readonly streams: StreamEnd[] = []
  #relay: RelayLeg | undefined
  #stream: MediaLeg | undefined
  #gather: Gather | undefined
  /** The `<Gather>` that is running, and where it comes from. */
  #asking: { verb: TwimlVerb; document: TwimlResponse } | undefined
  #recording: MessageRecording | undefined
  #bargeIn = () => {}

  constructor(options: PlayerOptions) {
    this.#options = options
  }

  get relay(): RelayLeg | undefined {
    return this.#relay
  }

  get stream(): MediaLeg | undefined {
    return this.#stream
  }

  /** The session or the stream that is open. */
  get leg(): RelayLeg | MediaLeg | undefined {
    return this.#relay ?? this.#stream
  }

  /** Whether a `<Gather>` or `<Record>` takes what the caller does. */
  get asks(): boolean {
    return this.#gather !== undefined || this.#recording !== undefined
  }

  /** Speech for a `<Gather>` or `<Record>`. Returns whether one took it. */
  say(text: string): boolean {
    if (this.#recording) return this.#recording.say(text)
    const accepted = this.#gather?.say(text) ?? false
    if (accepted) this.#bargeIn()
    if (accepted) this.#reportPartial(text)
    return accepted
  }

  /** A key for a `<Gather>` or `<Record>`. Returns whether one took it. */
  press(digit: string): boolean {
    if (this.#recording) return this.#recording.press(digit)
    const accepted = this.#gather?.press(digit) ?? false
    if (accepted) this.#bargeIn()
    return accepted
  }

  /** Runs a response until it ends. After an abort the result is meaningless. */
  async play(document: TwimlResponse, signal: AbortSignal): Promise<ResponseResult> {
    for (const verb of document.verbs) {
      if (signal.aborted) break
      this.#options.verbs.push(verb)
      const step = await this.#perform(verb, document, signal)
      if (step) return step
    }
    return { type: "end", reason: "completed" }
  }

  async #perform(
    verb: TwimlVerb,
    document: TwimlResponse,
    signal: AbortSignal,
  ): Promise<ResponseResult | undefined> {
    const { attributes, text } = verb
    switch (verb.name) {
      case "Reject":
        return { type: "end", reason: attributes["reason"] === "busy" ? "busy" : "no-answer" }
      case "Redirect":
        return fetchStep(text, document, attributes["method"], {})
      case "Hangup":
        this.#options.answer()
        return { type: "end", reason: "completed" }
      case "Connect":
        return this.#connect(verb, document, signal)
      case "Gather":
        this.#options.answer()
        return this.#collect(verb, document, signal)
      case "Record":
        this.#options.answer()
        return this.#record(verb, document, signal)
      case "Dial":
      case "Enqueue":
        this.#options.answer()
        return this.#replaceDocument(verb, document)
      default:
        await this.#prompt(verb, signal)
        return undefined
    }
  }

  /** Verbs that only take time. Those the simulator does not know take none. */
  async #prompt({ name, attributes, text }: TwimlVerb, signal: AbortSignal): Promise<void> {
    const { sweep, pace, spoken, answer } = this.#options
    if (name === "Pause") return sweep.sleep(Number(attributes["length"] ?? 1) * 1_000, signal)
    if (name !== "Say" && name !== "Play") return
    answer()
    const done = Promise.withResolvers<void>()
    const playout = new SpeechPlayout({
      sweep,
      ...pace,
      onHeard: (heard) => {
        spoken.push(heard)
        done.resolve()
      },
    })
    const stop = () => {
      playout.discard()
      done.resolve()
    }
    signal.addEventListener("abort", stop, { once: true })
    const flags = { interruptible: "none", preemptible: false } as const
    const digits = attributes["digits"]
    if (digits !== undefined) playout.addClip("digits", digits, digits.length * 100, flags)
    else if (text === "" || signal.aborted) done.resolve()
    else if (name === "Say")
      playout.addSpeech("say", { text, last: true, lang: attributes["language"] }, flags)
    else playout.addClip("audio", text, pace.audioMs * Number(attributes["loop"] ?? 1), flags)
    await done.promise
    signal.removeEventListener("abort", stop)
  }

  async #collect(
    verb: TwimlVerb,
    document: TwimlResponse,
    signal: AbortSignal,
  ): Promise<ResponseResult | undefined> {
    const { attributes } = verb
    const gather = new Gather(attributes, this.#options.sweep)
    const cutIn = new AbortController()
    const stop = () => gather.close()
    signal.addEventListener("abort", stop, { once: true })
    this.#gather = gather
    this.#asking = { verb, document }
    this.#bargeIn = attributes["bargeIn"] === "false" ? () => {} : () => cutIn.abort()
    const prompts = AbortSignal.any([signal, cutIn.signal])
    for (const prompt of verb.children) if (!prompts.aborted) await this.#prompt(prompt, prompts)
    if (signal.aborted) gather.close()
    else {
      gather.startWaiting()
      this.#options.waiting(verb)
    }
    const gathered = await gather.gathered
    this.#gather = undefined
    signal.removeEventListener("abort", stop)
    return gatherStep(gathered, verb, document)
  }

  /** When nothing was recorded the next verb runs; a call that is over still reports what was. */
  async #record(
    verb: TwimlVerb,
    document: TwimlResponse,
    signal: AbortSignal,
  ): Promise<ResponseResult | undefined> {
    const { sweep, notify, waiting } = this.#options
    const recording = new MessageRecording(verb.attributes, sweep)
    const stop = () => recording.hangUp()
    signal.addEventListener("abort", stop, { once: true })
    if (signal.aborted) stop()
    this.#recording = recording
    waiting(verb)
    const message = await recording.recorded
    this.#recording = undefined
    signal.removeEventListener("abort", stop)
    if (!message) return undefined
    const { action, callbacks } = recordRequests(message, verb, document)
    for (const callback of callbacks) await notify(callback)
    if (signal.aborted && signal.reason === "hang-up") await notify(action)
    return action
  }

  /** Recognised words are reported before the speech has ended; the answer is not run. */
  #reportPartial(text: string): void {
    const { verb, document } = this.#asking ?? {}
    const url = verb?.attributes["partialResultCallback"]
    if (!document || url === undefined) return
    const method = verb?.attributes["partialResultCallbackMethod"]
    const extra = { UnstableSpeechResult: text, SequenceNumber: "0" }
    void this.#options.notify(fetchStep(url, document, method, extra))
  }

  async #connect(
    verb: TwimlVerb,
    document: TwimlResponse,
    signal: AbortSignal,
  ): Promise<ResponseResult | undefined> {
    const noun = verb.children[0]
    if (noun?.name === "Stream") return this.#listen(noun, document)
    if (noun?.name !== "ConversationRelay") {
      this.#options.problem(`the simulator has no <Connect><${noun?.name ?? ""}>`)
      return undefined
    }
    const opened = this.#options.connectRelay(noun)
    this.#options.answer()
    let end: RelayEnd
    if ("status" in opened) end = opened
    else {
      this.#relay = opened
      end = await opened.ended
      this.#relay = undefined
    }
    this.sessions.push(end)
    if (end.errorCode !== undefined) this.#options.problem(`${end.errorCode}: ${end.errorMessage ?? ""}`)
    const action = verb.attributes["action"]
    if (action === undefined) return undefined
    const step = fetchStep(action, document, verb.attributes["method"], {
      SessionId: end.sessionId,
      SessionStatus: end.status,
      SessionDuration: String(end.seconds),
      ...(end.handoffData === undefined ? {} : { HandoffData: end.handoffData }),
      ...(end.errorCode === undefined ? {} : { ErrorCode: String(end.errorCode) }),
      ...(end.errorMessage === undefined ? {} : { ErrorMessage: end.errorMessage }),
    })
    // New instructions from REST take the place of the action; a call that is over still reports it.
    if (signal.aborted && signal.reason === "hang-up") await this.#options.notify(step)
    return step
  }

  /** A media stream has no action: when it is over the next verb runs. */
  async #listen(noun: TwimlVerb, document: TwimlResponse): Promise<undefined> {
    const opened = this.#options.openStream(noun, document.url)
    this.#options.answer()
    let end: StreamEnd
    if ("reason" in opened) end = opened
    else {
      this.#stream = opened
      end = await opened.ended
      this.#stream = undefined
    }
    this.streams.push(end)
    if (end.problem !== undefined) this.#options.problem(end.problem)
  }

  /** No second party is called: the verb is recorded and its leg ends at once. */
  #replaceDocument({ name, attributes }: TwimlVerb, document: TwimlResponse): ResponseResult | undefined {
    const action = attributes["action"]
    if (action === undefined) return undefined
    const { dialStatus } = this.#options
    const extra: Record<string, string> =
      name === "Dial"
        ? {
            DialCallStatus: dialStatus,
            DialCallDuration: "0",
            DialBridged: String(dialStatus === "completed"),
          }
        : { QueueResult: dialStatus === "completed" ? "bridged" : "error" }
    return fetchStep(action, document, attributes["method"], extra)
  }
}

/** Without input the verb after `<Gather>` runs, unless `actionOnEmptyResult` is set. */
function gatherStep(
  gathered: Gathered | undefined,
  { attributes }: TwimlVerb,
  document: TwimlResponse,
): ResponseResult | undefined {
  if (!gathered && attributes["actionOnEmptyResult"] !== "true") return undefined
  const extra = gathered ?? { Digits: "" }
  return fetchStep(attributes["action"] ?? document.url, document, attributes["method"], { ...extra })
}
