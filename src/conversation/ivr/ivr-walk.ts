/**
 * Takes one call through a phone menu until a person is reached: what is heard goes to the navigator, one sentence after
 * another; its steps become keys and words. Records both sides apart from the conversation, and publishes each step.
 */

import type { CallEvent } from "../../call/events.ts"
import type { IvrMenu, IvrRules } from "../../call/ivr-menu.ts"
import { messageOf } from "../../lib/errors.ts"
import type { Log } from "../../lib/log.ts"
import type { Sweep } from "../../lib/sweep.ts"
import type { History } from "../history.ts"
import type { DetectHuman, HeardLine } from "./human-detection.ts"
import { IvrNavigator, type GiveUpReason, type IvrAnswer, type IvrStep } from "./ivr-navigator.ts"
import type { ChooseFromMenu } from "./menu-choice.ts"

/** Keys and words that reach the other side whatever is muted. */
export type IvrOutput = {
  press(keys: string): void
  say(words: string): void
}

export type IvrWalkOptions = {
  /** With its placeholders filled. */
  menu: IvrMenu
  rules: IvrRules
  detectHuman: DetectHuman
  chooseFromMenu: ChooseFromMenu
  output: IvrOutput
  history: Pick<History, "ivr">
  /** How long the call has lasted, in milliseconds. */
  elapsedMs: number
  /** A person said `words`. Called once at most; then `gaveUp` is not called. */
  reached: (words: string) => void
  gaveUp: (reason: GiveUpReason) => void
  sweep: Sweep
  log: Log
  publish: (event: CallEvent) => void
}

/** Longest wait for a model, in milliseconds. */
const DECISION_MS = 4000
/** Sentences that a model is shown beside the one in question. */
const MAX_LINES = 12
/** What is heard while a model is asked waits as one text of so many characters. */
const MAX_WAITING = 2000

type State = { phase: "walking"; asking: AbortController | undefined; waiting: string } | { phase: "over" }

export class IvrWalk {
  readonly #options: IvrWalkOptions
  readonly #navigator: IvrNavigator
  readonly #lines: HeardLine[] = []
  readonly #cancelLongest: () => void
  #cancelStuck: () => void
  #state: State = { phase: "walking", asking: undefined, waiting: "" }

  constructor(options: IvrWalkOptions) {
    const { menu, rules, sweep, elapsedMs, publish } = options
    this.#options = options
    this.#navigator = new IvrNavigator({ menu, rules })
    const longestMs = Math.max(0, rules.longestSeconds * 1000 - elapsedMs)
    this.#cancelLongest = sweep.after(longestMs, () => this.#giveUp("time"))
    this.#cancelStuck = this.#armStuck()
    publish({ type: "ivr.started", entries: menu.length })
  }

  /** The other side has finished a sentence. */
  hear(text: string): void {
    const state = this.#state
    if (state.phase === "over" || text.trim() === "") return
    this.#record("caller", text)
    // One decision for each sentence, one after another.
    if (state.asking) state.waiting = `${state.waiting} ${text}`.trim().slice(-MAX_WAITING)
    else this.#follow(this.#hear(text))
  }

  /** A program says something to the menu. */
  say(text: string): void {
    if (this.#state.phase === "over" || text.trim() === "") return
    this.#answer({ kind: "say", text, intent: null, restarted: false })
  }

  /** The session is closed, or the conversation ends. Closing twice is harmless. */
  close(): void {
    if (this.#state.phase === "walking") this.#state.asking?.abort()
    this.#state = { phase: "over" }
    this.#cancelLongest()
    this.#cancelStuck()
  }

  #hear(text: string): IvrStep {
    return this.#navigator.hear(text, this.#options.sweep.clock.monotonic())
  }

  #follow(step: IvrStep): void {
    switch (step.kind) {
      case "press":
      case "say":
        return this.#answer(step)
      case "wait":
        if (step.why === "silent-entry") this.#advanced()
        return this.#options.publish({ type: "ivr.waited", why: step.why })
      case "ask":
        return this.#options.log.background("deciding in a phone menu", this.#ask(step))
      case "human-reached":
        return this.#reached(step.heard)
      case "give-up":
        return this.#giveUp(step.reason)
      default:
        step satisfies never
    }
  }

  #answer({ kind, text, intent, restarted }: IvrAnswer): void {
    const { output, publish } = this.#options
    if (kind === "press") output.press(text)
    else output.say(text)
    const turnId = this.#record("agent", text)
    if (intent !== null) this.#advanced()
    publish({ type: "ivr.answered", turnId, action: kind, text, intent, restarted })
  }

  async #ask({ question, heard }: Extract<IvrStep, { kind: "ask" }>): Promise<void> {
    const state = this.#state
    if (state.phase === "over") return
    const asking = new AbortController()
    state.asking = asking
    const { sweep } = this.#options
    const cancel = sweep.after(DECISION_MS, () => asking.abort(new Error("the model took too long")))
    const step = await this.#decide(question, heard, asking.signal)
    cancel()
    if (this.#state !== state) return
    state.asking = undefined
    const { waiting } = state
    state.waiting = ""
    if (step.kind === "human-reached") return this.#reached(`${step.heard} ${waiting}`.trim())
    this.#follow(step)
    this.#continueWith(waiting)
  }

  /** A model that fails, or takes too long, counts as "no person", and as "wait". */
  async #decide(question: "human" | "choice", sentence: string, signal: AbortSignal): Promise<IvrStep> {
    const { detectHuman, chooseFromMenu, log } = this.#options
    const heard = { sentence, before: this.#lines.slice(0, -1) }
    try {
      if (question === "choice")
        return this.#navigator.chosen(await untilAborted(chooseFromMenu(heard, signal), signal))
      return this.#navigator.judged(await untilAborted(detectHuman(heard, signal), signal))
    } catch (error) {
      if (this.#state.phase === "walking")
        log.warn("a phone menu was judged without the model", { question, error: messageOf(error) })
      return question === "choice" ? this.#navigator.chosen({ kind: "wait" }) : this.#navigator.judged(false)
    }
  }

  /** What was heard while a model was asked. */
  #continueWith(text: string): void {
    const state = this.#state
    if (state.phase === "over" || text === "") return
    if (state.asking) state.waiting = text
    else this.#follow(this.#hear(text))
  }

  #reached(words: string): void {
    this.close()
    this.#options.publish({ type: "ivr.human-reached", words })
    this.#options.reached(words)
  }

  #giveUp(reason: GiveUpReason): void {
    if (this.#state.phase === "over") return
    this.close()
    this.#options.publish({ type: "ivr.gave-up", reason })
    this.#options.gaveUp(reason)
  }

  /** An entry was used: the call has come further. After the last one only the queue is waited for. */
  #advanced(): void {
    this.#cancelStuck()
    if (!this.#navigator.lastEntryUsed) this.#cancelStuck = this.#armStuck()
  }

  #armStuck(): () => void {
    const { sweep, rules } = this.#options
    return sweep.after(rules.stuckSeconds * 1000, () => this.#giveUp("stuck"))
  }

  #record(speaker: "caller" | "agent", text: string): string {
    const { history, sweep } = this.#options
    this.#lines.push({ speaker: speaker === "caller" ? "them" : "us", text })
    if (this.#lines.length > MAX_LINES) this.#lines.shift()
    const { id } = history.ivr(text, { speaker, at: sweep.clock.now() })
    if (speaker === "caller") this.#options.publish({ type: "ivr.heard", turnId: id, text })
    return id
  }
}

/** The result of a function that may not react to its signal. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  if (signal.aborted) reject(signal.reason)
  return Promise.race([work, promise])
}
