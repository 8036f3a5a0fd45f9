/**
 * Decides what to do in a phone menu: for each sentence that is heard, one step. Pure: it knows no socket, no model and no
 * timer. The menu is given; some sentences need an answer from outside first (`ask`), and the next step follows with it.
 */

import { keysOf, matchingEntry } from "../../call/ivr-matching.ts"
import type { IvrMenu, IvrRules } from "../../call/ivr-menu.ts"
import { isMachine, isOffer, knownPhrase } from "./ivr-phrases.ts"

/** An answer to the menu. `intent`: that of the entry; null for what no entry says. */
export type IvrAnswer = {
  kind: "press" | "say"
  /** Keys, or words. */
  text: string
  intent: string | null
  /** The menu has started over with this question. */
  restarted: boolean
}

export type WaitReason = "no-words" | "no-match" | "hold" | "silent-entry" | "just-answered" | "screening"

export type GiveUpReason = "voicemail" | "repeats" | "restarts" | "stuck" | "time"

export type IvrStep =
  | IvrAnswer
  | { kind: "wait"; why: WaitReason }
  /** `human`: whether a person is speaking, to be answered by `judged`. `choice`: what to answer, by `chosen`. */
  | { kind: "ask"; question: "human" | "choice"; heard: string }
  | { kind: "human-reached"; heard: string }
  | { kind: "give-up"; reason: GiveUpReason }

/** What a model chose from a menu that was heard. */
export type MenuChoice = { kind: "press" | "say"; text: string } | { kind: "wait" }

export type IvrNavigatorOptions = {
  /** With its placeholders filled. */
  menu: IvrMenu
  rules: Pick<
    IvrRules,
    "detectHuman" | "chooseFromMenu" | "stillHere" | "introduction" | "mostRepeats" | "mostRestarts"
  >
}

/** A trigger may be spread over sentences that were recognised one after another; longer texts are cut, in characters. */
const MAX_CARRIED = 400
const MAX_CHOICES = 20
/** A question that is heard again this soon after its answer is the rest of the same one, in milliseconds. */
const SAME_QUESTION_MS = 2000

export class IvrNavigator {
  readonly #options: IvrNavigatorOptions
  /** What was heard since the last answer and matched nothing. */
  #carried = ""
  /** The sentence that waits for an answer from outside. */
  #asked = ""
  #lastEntryUsed = false
  #first: number | undefined
  #previous: number | undefined
  /** When the last entry was used, and the sentence in question was heard, in monotonic milliseconds. */
  #usedAt = Number.NEGATIVE_INFINITY
  #heardAt = 0
  #repeats = 0
  #restarts = 0
  #choices = 0

  constructor(options: IvrNavigatorOptions) {
    this.#options = options
  }

  /** Whether an entry with the intent of the last one was used: from then on a person may answer. */
  get lastEntryUsed(): boolean {
    return this.#lastEntryUsed
  }

  /** A whole sentence of the other side, heard at `nowMs` in monotonic milliseconds. */
  hear(heard: string, nowMs: number): IvrStep {
    this.#heardAt = nowMs
    if (!/[\p{L}\p{N}]/u.test(heard)) return { kind: "wait", why: "no-words" }
    const { detectHuman } = this.#options.rules
    const mayBePerson = this.#lastEntryUsed || detectHuman === "always"
    if (!mayBePerson || isMachine(heard)) return this.#respond(heard)
    this.#asked = heard
    return { kind: "ask", question: "human", heard }
  }

  /** Whether a person said the sentence that was asked about. */
  judged(isHuman: boolean): IvrStep {
    const heard = this.#asked
    return isHuman ? { kind: "human-reached", heard } : this.#respond(heard)
  }

  /** What to answer to the menu that was asked about. */
  chosen(choice: MenuChoice): IvrStep {
    if (choice.kind === "wait") return this.#unmatched(this.#asked)
    this.#carried = ""
    return { ...choice, intent: null, restarted: false }
  }

  #respond(heard: string): IvrStep {
    const { menu, rules } = this.#options
    const direct = matchingEntry(menu, heard)
    const index = direct >= 0 ? direct : matchingEntry(menu, `${this.#carried} ${heard}`)
    if (index >= 0) return this.#use(index)
    const phrase = knownPhrase(heard)
    switch (phrase?.kind) {
      case "voicemail":
        return { kind: "give-up", reason: "voicemail" }
      case "still-there": {
        const { keys } = phrase
        const answer = { intent: null, restarted: false }
        return keys === undefined
          ? { kind: "say", text: rules.stillHere, ...answer }
          : { kind: "press", text: keys, ...answer }
      }
      case "screening": {
        const text = rules.introduction.trim()
        return text === ""
          ? { kind: "wait", why: "screening" }
          : { kind: "say", text, intent: null, restarted: false }
      }
      case "hold":
        this.#carried = ""
        return { kind: "wait", why: "hold" }
      case undefined:
        break
      default:
        phrase satisfies never
    }
    if (rules.chooseFromMenu && isOffer(heard) && this.#choices < MAX_CHOICES) {
      this.#choices += 1
      this.#asked = heard
      return { kind: "ask", question: "choice", heard: `${this.#carried} ${heard}`.trim() }
    }
    return this.#unmatched(heard)
  }

  #unmatched(heard: string): IvrStep {
    this.#carried = `${this.#carried} ${heard}`.trim().slice(-MAX_CARRIED)
    return { kind: "wait", why: "no-match" }
  }

  #use(index: number): IvrStep {
    const { menu, rules } = this.#options
    const entry = menu[index]
    if (!entry) return { kind: "wait", why: "no-match" }
    this.#carried = ""
    const isSame = index === this.#previous && this.#heardAt - this.#usedAt < SAME_QUESTION_MS
    if (isSame) return { kind: "wait", why: "just-answered" }
    this.#usedAt = this.#heardAt
    this.#repeats = index === this.#previous ? this.#repeats + 1 : 1
    const restarted = index === this.#first && index !== this.#previous
    if (restarted) this.#restarts += 1
    this.#first ??= index
    this.#previous = index
    if (this.#repeats > rules.mostRepeats) return { kind: "give-up", reason: "repeats" }
    if (this.#restarts > rules.mostRestarts) return { kind: "give-up", reason: "restarts" }
    if (entry.intent === menu.at(-1)?.intent) this.#lastEntryUsed = true
    const { intent, response } = entry
    if (response.trim() === "") return { kind: "wait", why: "silent-entry" }
    const keys = keysOf(response)
    return keys === undefined
      ? { kind: "say", text: response.trim(), intent, restarted }
      : { kind: "press", text: keys, intent, restarted }
  }
}
