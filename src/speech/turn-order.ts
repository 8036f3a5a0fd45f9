/**
 * Turns that a provider recognises side by side, reported one after another: the text of a turn may come when the next
 * one has begun. Pure.
 */

import type { TranscriberListener } from "./transcriber.ts"
import { TurnWords } from "./turn-words.ts"

type Turn = { id: string; words: string; end: { text: string; untilMs: number } | undefined; untilMs: number }

/** Turns that wait; beyond it the oldest is reported without its text. */
const MAX_TURNS = 20

export class TurnOrder {
  readonly #reported: TurnWords
  /** The first one is being reported. */
  readonly #turns: Turn[] = []

  constructor(listener: TranscriberListener) {
    this.#reported = new TurnWords(listener)
  }

  get isEmpty(): boolean {
    return this.#turns.length === 0
  }

  /** Speech begins. Harmless when the turn is known. */
  begin(id: string): void {
    this.#turnOf(id)
    this.#report()
  }

  /** More words of a turn. */
  append(id: string, words: string): void {
    this.#turnOf(id).words += words
    this.#report()
  }

  /** Where the audio of a turn ends. */
  spokenUntil(id: string, untilMs: number): void {
    this.#turnOf(id).untilMs = untilMs
  }

  /** The text of a turn is known. */
  end(id: string, text: string): void {
    const turn = this.#turnOf(id)
    turn.end = { text: text.trim(), untilMs: turn.untilMs }
    this.#report()
  }

  /** No more text comes: every turn ends with the words that are known. */
  endAll(untilMs: number): void {
    for (const turn of this.#turns) turn.end ??= { text: turn.words.trim(), untilMs: turn.untilMs || untilMs }
    this.#report()
  }

  #turnOf(id: string): Turn {
    const known = this.#turns.find((turn) => turn.id === id)
    if (known) return known
    const turn: Turn = { id, words: "", end: undefined, untilMs: 0 }
    this.#turns.push(turn)
    const [oldest] = this.#turns
    if (this.#turns.length > MAX_TURNS && oldest) oldest.end ??= { text: oldest.words.trim(), untilMs: 0 }
    return turn
  }

  #report(): void {
    for (let turn = this.#turns[0]; turn; turn = this.#turns[0]) {
      this.#reported.begin()
      this.#reported.interim(turn.words)
      if (!turn.end) return
      this.#turns.shift()
      this.#reported.end(turn.end.text, turn.end.untilMs)
    }
  }
}
