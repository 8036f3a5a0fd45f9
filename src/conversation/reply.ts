/** One thing the agent is about to say: its stream, its tool calls, its time limits, and one abort. */

import type { CallEvent } from "../call/events.ts"
import type { SessionEnd } from "../call/session-end.ts"
import type { Latency, Turn } from "../call/turn.ts"
import { ChatModelError, type ChatModel, type ChatPart, type TokenUsage } from "../llm/chat-model.ts"
import { messageOf } from "../lib/errors.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { LiveUpdateAction, VoiceAction } from "../tools/define-tool.ts"
import type { Prompt } from "./prompt.ts"
import type { History } from "./history.ts"
import { ProgressTimeout, type StreamTimes } from "../lib/progress-timeout.ts"
import { HangUpWord } from "./hang-up-word.ts"
import { SpeechFilter } from "./speech-filter.ts"
import type { ToolCalls } from "./tool-calls.ts"

/** Rounds of tool calls before the model must answer in words. */
const MAX_ROUNDS = 5

export type ReplyOptions = {
  turn: Turn
  history: History
  model: ChatModel
  /** Called before each request. */
  prompt: () => Prompt
  /** Whether the words will be heard: then they are made speakable. */
  speechFilter: boolean
  toolCalls: ToolCalls
  times: StreamTimes
  sweep: Sweep
  /** Text to speak at once. Never called after `abort`. */
  speak: (text: string) => void
  /** Carries out what a tool requested, except the end of the call. Also called after `abort`: the tool has run. */
  act: (action: VoiceAction | LiveUpdateAction) => void
  publish: (event: CallEvent) => void
}

export type ReplyResult = {
  /** `failed`: no words, or not all of them, could be had. */
  outcome: "said" | "aborted" | "failed"
  /** Set when a tool ended the conversation; also when the reply was aborted meanwhile. */
  end: SessionEnd | undefined
}

/** One request to the model while it runs. */
type Round = {
  readonly toolChoice: "auto" | "none"
  readonly tools: Promise<void>[]
  spoke: boolean
  ended: Extract<ChatPart, { type: "end" }>["reason"] | undefined
}

export class Reply {
  readonly turn: Turn
  readonly startedAt: number
  /** Counted from the beginning of the reply. */
  readonly latency: Latency = {}
  /** Of the requests that came to their end. */
  readonly usage: TokenUsage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
  readonly #options: ReplyOptions
  readonly #controller = new AbortController()
  #end: SessionEnd | undefined
  #phase: string | undefined
  /** Of the request that runs; undefined: the words are read. */
  #filter: SpeechFilter | undefined
  readonly #hangUpWord = new HangUpWord()
  /** Whether the next words begin a new message, which is spoken as one text with those before. */
  #newMessage = true

  constructor(options: ReplyOptions) {
    this.turn = options.turn
    this.startedAt = options.sweep.clock.monotonic()
    this.#options = options
  }

  /** Aborted when the reply is. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Stops the text at once and closes the stream. Running tools continue to their one result. */
  abort(): void {
    this.#controller.abort()
  }

  /** Runs to the end of the answer. Never rejects. */
  async run(): Promise<ReplyResult> {
    let retried = false
    for (let toolRounds = 0; ;) {
      const round: Round = {
        toolChoice: toolRounds < MAX_ROUNDS ? "auto" : "none",
        tools: [],
        spoke: false,
        ended: undefined,
      }
      const failure = await this.#request(round, { freshConnection: retried })
      if (this.signal.aborted) return this.#result("aborted")
      if (this.#end) return this.#result("said")
      if (failure) {
        const retry = failure.retryable && !round.spoke && !retried
        this.#publishFailure(failure, retry)
        if (!retry) return this.#result("failed")
        this.#options.history.retract(this.turn)
        retried = true
      } else if (round.tools.length === 0) return this.#result("said")
      else toolRounds += 1
    }
  }

  #publishFailure({ message, status, code, requestId }: ChatModelError, retried: boolean): void {
    const { model, publish } = this.#options
    publish({
      type: "model.failed",
      message,
      retried,
      model: model.name,
      ...(status === undefined ? {} : { status }),
      ...(code === undefined ? {} : { code }),
      ...(requestId === undefined ? {} : { requestId }),
    })
  }

  #result(outcome: ReplyResult["outcome"]): ReplyResult {
    return { outcome, end: this.#end }
  }

  /** One request to the model, and the tools it calls. Returns what kept it from its end. */
  async #request(
    round: Round,
    { freshConnection }: { freshConnection: boolean },
  ): Promise<ChatModelError | undefined> {
    const { model, history, prompt, sweep, times } = this.#options
    const expiry = new AbortController()
    let expired: string | undefined
    const timeout = new ProgressTimeout({
      sweep,
      times,
      onTimeout: (message) => {
        expired = message
        expiry.abort()
      },
    })
    const signal = AbortSignal.any([this.signal, expiry.signal])
    timeout.start()
    this.#newMessage = true
    this.#filter = this.#options.speechFilter ? new SpeechFilter() : undefined
    let failure: ChatModelError | undefined
    try {
      const { toolChoice } = round
      const request = { ...prompt(), items: history.items(), toolChoice, freshConnection }
      for await (const part of model.reply(request, signal)) {
        if (signal.aborted) break
        timeout.progress()
        this.#take(part, round)
      }
    } catch (error) {
      failure = toModelError(error)
    }
    timeout.stop()
    await Promise.all(round.tools)
    if (round.ended) return this.#emptiness(round, round.ended)
    if (expired !== undefined) return new ChatModelError(expired, { retryable: true, code: "timeout" })
    return failure ?? new ChatModelError("the stream of the model broke off", { retryable: true })
  }

  /** An answer without a word is a choice of the model only when nothing cut it off. */
  #emptiness(round: Round, reason: NonNullable<Round["ended"]>): ChatModelError | undefined {
    if (this.latency.firstTokenMs !== undefined || round.tools.length > 0) return undefined
    if (reason === "stop" && round.toolChoice === "auto") return undefined
    return new ChatModelError(`the model ended without a word (${reason})`, { retryable: false })
  }

  #take(part: ChatPart, round: Round): void {
    // Nothing that comes after some words may overtake them.
    if (part.type !== "text") this.#flush(round)
    switch (part.type) {
      case "text":
        this.#words(this.#speakable(this.#hangUpWord.push(part.text)), part.phase, round)
        // Kept also when the caller interrupts what follows.
        if (this.#hangUpWord.isFound)
          this.#end ??= { reason: "agent-ended", detail: "The agent ended the call" }
        return
      case "tool-call":
        this.#newMessage = true
        // With `none` the model must not call tools.
        if (round.toolChoice === "auto") round.tools.push(this.#runTool(part))
        return
      case "opaque":
        this.#options.history.opaque(this.turn, part)
        return
      case "end":
        round.ended = part.reason
        this.usage.inputTokens += part.usage?.inputTokens ?? 0
        this.usage.cachedTokens += part.usage?.cachedTokens ?? 0
        this.usage.outputTokens += part.usage?.outputTokens ?? 0
        return
      default:
        part satisfies never
    }
  }

  #flush(round: Round): void {
    const rest = this.#speakable(this.#hangUpWord.flush())
    this.#words(rest + (this.#filter?.flush() ?? ""), this.#phase, round)
  }

  #speakable(text: string): string {
    return this.#filter?.push(text) ?? text
  }

  #words(words: string, phase: string | undefined, round: Round): void {
    // The first words begin with a word.
    const text = this.turn.text === "" ? words.trimStart() : words
    if (text === "") return
    round.spoke = true
    this.#say(text, phase)
  }

  #say(text: string, phase: string | undefined): void {
    const { history, speak, publish } = this.#options
    if (phase !== this.#phase) this.#newMessage = true
    this.#phase = phase
    const said = this.turn.text
    const glued = this.#newMessage && said !== "" && !/\s$/.test(said) && !/^\s/.test(text)
    this.#newMessage = false
    const tookMs = this.#elapsedMs()
    this.latency.lastTokenMs = tookMs
    if (this.latency.firstTokenMs === undefined) {
      this.latency.firstTokenMs = tookMs
      publish({ type: "reply.first-token", replyId: this.turn.id, tookMs })
    }
    history.phase(this.turn, phase)
    speak(glued ? ` ${text}` : text)
  }

  async #runTool(call: { callId: string; name: string; arguments: string }): Promise<void> {
    const { toolCalls, act } = this.#options
    const startedMs = this.#elapsedMs()
    const outcome = await toolCalls.run(this.turn, call)
    this.latency.toolMs = (this.latency.toolMs ?? 0) + this.#elapsedMs() - startedMs
    const action = outcome.ok ? outcome.action : undefined
    if (action?.type === "end-call") this.#end = action.end
    else if (action) act(action)
  }

  #elapsedMs(): number {
    return this.#options.sweep.clock.monotonic() - this.startedAt
  }
}

function toModelError(error: unknown): ChatModelError {
  if (error instanceof ChatModelError) return error
  return new ChatModelError(messageOf(error), { retryable: true, cause: error })
}
