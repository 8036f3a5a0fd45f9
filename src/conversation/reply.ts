/** One thing the agent is about to say: its stream, its tool calls, its time limits, and one abort. */

import type { Turn } from "../call/turn.ts"
import type { ToolSpec } from "../call/tool-spec.ts"
import {
  ChatModelError,
  type ChatModel,
  type ChatPart,
  type ChatRequest,
  type Usage,
} from "../llm/chat-model.ts"
import { messageOf } from "../lib/errors.ts"
import type { Log } from "../lib/log.ts"
import type { Sweep } from "../lib/sweep.ts"
import type { CallAction, Handoff, ToolOutcome } from "../tools/define-tool.ts"
import { outcomeText } from "../tools/run-tool.ts"
import type { History } from "./history.ts"

/** Rounds of tool calls before the model must answer in words. */
const MAX_ROUNDS = 5

export type ReplyTimes = {
  /** Longest wait for the first part of a stream, in milliseconds. */
  firstTokenMs: number
  /** Longest wait between two parts of a stream, in milliseconds. */
  tokenGapMs: number
}

export type ReplyOptions = {
  turn: Turn
  history: History
  model: ChatModel
  times: ReplyTimes
  sweep: Sweep
  log: Log
  request: () => Omit<ChatRequest, "items" | "tools" | "toolChoice">
  tools: () => readonly ToolSpec[]
  /** Words to speak at once. Never called after `abort`. */
  speak: (text: string) => void
  /** Runs one tool call and records it. Goes on when the reply is aborted. */
  runTool: (call: { callId: string; name: string; arguments: string }) => Promise<ToolOutcome>
  /** Carries out what a tool asked for, but not the end of the call. Also called after `abort`: the tool has run. */
  act: (action: Exclude<CallAction, { type: "end-call" }>) => void
  /** A request failed. `retried`: another one follows. */
  failed: (message: string, retried: boolean) => void
}

export type ReplyResult = {
  /** `failed`: no words, or not all of them, could be had. */
  outcome: "said" | "aborted" | "failed"
  /** Set when a tool ended the conversation; also when the reply was aborted meanwhile. */
  handoff: Handoff | undefined
  usage: Usage
}

type Round =
  | { ended: "words"; failure?: undefined }
  | { ended: "tools"; outcomes: ToolOutcome[] }
  | { ended: "failure"; failure: ChatModelError; outcomes: ToolOutcome[] }

export class Reply {
  readonly turn: Turn
  readonly #options: ReplyOptions
  readonly #controller = new AbortController()
  readonly #usage: Usage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0 }
  #handoff: Handoff | undefined
  #spoke = false
  #retried = false

  constructor(options: ReplyOptions) {
    this.turn = options.turn
    this.#options = options
  }

  get aborted(): boolean {
    return this.#controller.signal.aborted
  }

  /** Stops the words at once and closes the stream. Tools that run go on to their one result. */
  abort(): void {
    this.#controller.abort()
  }

  /** Runs to the end of the answer. Never rejects. */
  async run(): Promise<ReplyResult> {
    for (let rounds = 0; ; rounds++) {
      const round = await this.#round(rounds < MAX_ROUNDS ? "auto" : "none")
      if (this.aborted) return this.#result("aborted")
      if (this.#handoff) return this.#result("said")
      if (round.ended === "words") return this.#result("said")
      if (round.ended === "tools") continue
      const retry = round.failure.retryable && !this.#spoke && !this.#retried
      this.#options.failed(round.failure.message, retry)
      if (!retry) return this.#result("failed")
      this.#retried = true
    }
  }

  #result(outcome: ReplyResult["outcome"]): ReplyResult {
    return { outcome, handoff: this.#handoff, usage: this.#usage }
  }

  /** One request to the model, and the tools it calls. */
  async #round(toolChoice: "auto" | "none"): Promise<Round> {
    const { model, history, request, tools } = this.#options
    const running: Promise<ToolOutcome>[] = []
    const watch = this.#watch()
    let ended = false
    let failure: ChatModelError | undefined
    let needsSpace = this.turn.text !== "" && !/\s$/.test(this.turn.text)
    try {
      const items = history.items()
      for await (const part of model.reply(
        { ...request(), items, tools: tools(), toolChoice },
        watch.signal,
      )) {
        if (watch.signal.aborted) break
        watch.heard()
        if (part.type === "text" && needsSpace && part.text !== "") {
          // Two messages of one reply are spoken as one text.
          needsSpace = false
          this.#take({ ...part, text: /^\s/.test(part.text) ? part.text : ` ${part.text}` }, running)
        } else this.#take(part, running)
        if (part.type === "end") ended = true
      }
    } catch (error) {
      failure =
        error instanceof ChatModelError
          ? error
          : new ChatModelError(messageOf(error), { retryable: true, cause: error })
    } finally {
      watch.stop()
    }
    const outcomes = await Promise.all(running)
    if (ended) return outcomes.length > 0 ? { ended: "tools", outcomes } : { ended: "words" }
    if (watch.expired) failure = new ChatModelError(watch.expired, { retryable: true })
    failure ??= new ChatModelError("the stream of the model broke off", { retryable: true })
    return { ended: "failure", failure, outcomes }
  }

  #take(part: ChatPart, running: Promise<ToolOutcome>[]): void {
    const { history, speak } = this.#options
    switch (part.type) {
      case "text":
        if (part.text === "") return
        this.#spoke = true
        if (part.phase) history.phase(this.turn, part.phase)
        speak(part.text)
        return
      case "tool-call":
        running.push(this.#tool(part))
        return
      case "opaque":
        history.opaque(this.turn, part)
        return
      case "end":
        this.#usage.inputTokens += part.usage?.inputTokens ?? 0
        this.#usage.cachedTokens += part.usage?.cachedTokens ?? 0
        this.#usage.outputTokens += part.usage?.outputTokens ?? 0
        return
      default:
        part satisfies never
    }
  }

  async #tool(call: { callId: string; name: string; arguments: string }): Promise<ToolOutcome> {
    const { history, runTool, act, sweep } = this.#options
    const turn = history.toolCalled(this.turn, call, sweep.clock.now())
    const outcome = await runTool(call)
    history.toolFinished(turn, { output: outcomeText(outcome), ok: outcome.ok, at: sweep.clock.now() })
    const action = outcome.ok ? outcome.action : undefined
    if (action?.type === "end-call") this.#handoff = action.handoff
    else if (action) act(action)
    return outcome
  }

  /** The time limits of one stream: a signal that is aborted by the reply, or when the model stays silent too long. */
  #watch(): {
    signal: AbortSignal
    heard: () => void
    stop: () => void
    readonly expired: string | undefined
  } {
    const { sweep, times } = this.#options
    const { clock } = sweep
    const expiry = new AbortController()
    let expired: string | undefined
    let dueMs = clock.now() + times.firstTokenMs
    let message = `the model sent nothing for ${times.firstTokenMs} ms`
    const check = () => {
      // Parts only move the deadline; it is looked at again when the earlier one has passed.
      if (clock.now() < dueMs) {
        cancel = sweep.after(dueMs - clock.now(), check)
        return
      }
      expired = message
      expiry.abort()
    }
    let cancel = sweep.after(times.firstTokenMs, check)
    return {
      signal: AbortSignal.any([this.#controller.signal, expiry.signal]),
      heard: () => {
        dueMs = clock.now() + times.tokenGapMs
        message = `the model fell silent for ${times.tokenGapMs} ms in the middle of an answer`
      },
      stop: () => cancel(),
      get expired() {
        return expired
      },
    }
  }
}
