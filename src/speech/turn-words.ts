/** The words of the running turn, settled piece by piece, and the events about them. Pure. */

import type { TranscriberListener } from "./transcriber.ts"

export class TurnWords {
  readonly #listener: TranscriberListener
  /** Words that will not change. */
  #settled = ""
  /** What was reported last; undefined between turns. */
  #reported: string | undefined

  constructor(listener: TranscriberListener) {
    this.#listener = listener
  }

  get isRunning(): boolean {
    return this.#reported !== undefined
  }

  /** All words of the turn that were reported so far. */
  get text(): string {
    return this.#reported ?? ""
  }

  /** The words of the turn that will not change. */
  get settled(): string {
    return this.#settled
  }

  /** The other side begins to speak; harmless when it has. */
  begin(): void {
    if (this.isRunning) return
    this.#reported = ""
    this.#listener({ type: "speech-started" })
  }

  /** Words behind those that are settled; they may change. */
  interim(words: string): void {
    const text = joined(this.#settled, words)
    if (text === "") return
    this.begin()
    if (text === this.#reported) return
    this.#reported = text
    this.#listener({ type: "interim", text })
  }

  /** The provider has no new words of the running turn. */
  repeat(): void {
    if (this.text !== "") this.#listener({ type: "interim", text: this.text })
  }

  /** These words settle. */
  settle(words: string, untilMs: number): void {
    if (words.trim() === "") return
    this.interim(words)
    this.#settled = joined(this.#settled, words)
    this.#listener({ type: "final", text: this.#settled, untilMs })
  }

  /** The turn is over with this text. Without effect between turns. */
  end(text: string, untilMs: number): void {
    if (!this.isRunning) return
    this.#reported = undefined
    this.#settled = ""
    this.#listener({ type: "turn-ended", text, untilMs })
  }
}

function joined(before: string, words: string): string {
  return [before, words.trim()].filter(Boolean).join(" ")
}
