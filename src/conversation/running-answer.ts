/** The answer that is being made: starts its reply, sends its words as they come, and drops it when another one follows. */

import type { CallEvent } from "../call/events.ts"
import type { SessionEnd } from "../call/session-end.ts"
import type { Log } from "../lib/log.ts"
import type { StreamTimes } from "../lib/progress-timeout.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { ChatModel } from "../llm/chat-model.ts"
import type { AgentSpeech } from "./agent-speech.ts"
import type { FillerPhrases } from "./filler-phrases.ts"
import type { History } from "./history.ts"
import type { Prompt } from "./prompt.ts"
import type { Utterance } from "./recent-utterances.ts"
import { Reply, type ReplyOptions } from "./reply.ts"
import type { SpeechOutput } from "./speech-output.ts"
import type { ToolCalls } from "./tool-calls.ts"

/** How long a new reply waits for the tools of the one it replaces, in milliseconds. */
const TOOL_WAIT_MS = 1500

export type RunningAnswerOptions = {
  /** Called before each request. */
  prompt: () => Prompt
  history: History
  model: ChatModel
  output: Pick<SpeechOutput, "muted" | "text" | "finish">
  speech: AgentSpeech
  toolCalls: ToolCalls
  fillerPhrases: Pick<FillerPhrases, "start" | "stop">
  phrases: { apology: string; lostThread: string }
  /** Whether answers are made speakable before they are spoken; default: they are. */
  speechFilter?: boolean | undefined
  /** Whether the session ends when the model gave no answer, since the call can continue without one; default: it apologises. */
  endsOnFailure?: boolean | undefined
  act: ReplyOptions["act"]
  /** A tool of an answer ended the conversation. */
  onEnd: (end: SessionEnd) => void
  times: StreamTimes
  sweep: Sweep
  log: Log
  publish: (event: CallEvent) => void
}

export class RunningAnswer {
  readonly #options: RunningAnswerOptions
  #current: { reply: Reply; utterance: Utterance } | undefined

  constructor(options: RunningAnswerOptions) {
    this.#options = options
  }

  /** What has been sent of it; undefined while no answer is being made. */
  get utterance(): Utterance | undefined {
    return this.#current?.utterance
  }

  /** No other answer may be running. */
  start(): void {
    const { speech, speechFilter = true, fillerPhrases, log, publish } = this.#options
    const utterance = speech.begin()
    const reply = new Reply({
      ...this.#options,
      turn: utterance.turn,
      speechFilter,
      speak: (text) => this.#speak(reply, text),
    })
    this.#current = { reply, utterance }
    publish({ type: "reply.started", replyId: reply.turn.id })
    fillerPhrases.start()
    log.background("reply", this.#run(reply))
  }

  /** A newer turn of the caller takes its place. What was sent of it is still heard. */
  supersede(): void {
    const utterance = this.#current?.utterance
    this.#drop("superseded")
    if (utterance?.startedAt !== undefined) this.#options.output.finish()
  }

  /** The caller cut it off, or has hung up. */
  interrupt(): void {
    this.#drop("interrupted")
  }

  async #run(reply: Reply): Promise<void> {
    const { toolCalls, onEnd } = this.#options
    // Tools of the answer before this one: their results belong into the request.
    await toolCalls.settled({ withinMs: TOOL_WAIT_MS, signal: reply.signal })
    if (reply.signal.aborted) return
    const { outcome, end } = await reply.run()
    if (this.#current?.reply === reply) this.#complete(reply, outcome === "failed" ? "failed" : "said")
    if (end) onEnd(end)
  }

  #complete(reply: Reply, outcome: "said" | "failed"): void {
    const utterance = this.#current?.utterance
    if (!utterance) return
    const { output, speech, endsOnFailure = false, onEnd } = this.#options
    if (outcome === "failed" && endsOnFailure && utterance.startedAt === undefined) {
      this.#drop(outcome)
      return onEnd({ reason: "model-failed", detail: "the text model gave no answer" })
    }
    if (outcome === "failed") this.#speak(reply, this.#apology(utterance))
    output.finish()
    this.#drop(outcome)
    speech.reportIfPlayed(utterance)
  }

  /** After words of the answer it is set apart from them. */
  #apology({ startedAt, spoken }: Utterance): string {
    const { apology, lostThread } = this.#options.phrases
    if (startedAt === undefined) return apology
    return /\s$/.test(spoken.text) ? lostThread : ` ${lostThread}`
  }

  #speak(reply: Reply, text: string): void {
    const { output, speech } = this.#options
    const utterance = this.#current?.utterance
    // Late tokens find another reply current and are dropped.
    if (!utterance || this.#current?.reply !== reply || output.muted) return
    output.text(text)
    speech.sent(utterance, text)
  }

  /** Stops the answer, if there is one, and publishes its duration and usage. */
  #drop(outcome: "said" | "failed" | "interrupted" | "superseded"): void {
    const current = this.#current
    if (!current) return
    const { fillerPhrases, model, speech, sweep, publish } = this.#options
    const { reply, utterance } = current
    this.#current = undefined
    fillerPhrases.stop()
    reply.abort()
    speech.complete(utterance, reply.latency)
    const { inputTokens, cachedTokens, outputTokens } = reply.usage
    publish({
      type: "reply.finished",
      replyId: reply.turn.id,
      outcome,
      tookMs: sweep.clock.monotonic() - reply.startedAt,
      ...(inputTokens > 0 ? { model: model.name, inputTokens, cachedTokens, outputTokens } : {}),
    })
  }
}
