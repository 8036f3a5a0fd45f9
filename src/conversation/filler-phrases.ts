/** Says short sentences while an answer is being made: one after some silence, then another. */

import type { Sweep } from "../lib/sweep.ts"

export type FillerPhrasesOptions = {
  sweep: Sweep
  /** Said one after the other; the last one again and again. None: nothing is said. */
  phrases: readonly string[]
  /** Silence before a phrase, in milliseconds. */
  silenceMs: number
  /** When the agent will have ceased, or has ceased, to be heard, in monotonic milliseconds. */
  quietAt: () => number
  /** How often `quietAt` is read again, because it may have become earlier, in milliseconds. */
  checkEveryMs?: number
  say: (phrase: string) => void
}

export class FillerPhrases {
  readonly #options: FillerPhrasesOptions
  #silentFrom = 0
  #said = 0
  #cancel = () => {}

  constructor(options: FillerPhrasesOptions) {
    this.#options = options
  }

  /** The caller waits from now on. */
  start(): void {
    this.stop()
    this.#said = 0
    this.#silentFrom = this.#options.sweep.clock.monotonic()
    this.#check()
  }

  /** The caller waits no longer. */
  stop(): void {
    this.#cancel()
  }

  #check(): void {
    const { sweep, phrases, silenceMs, quietAt, checkEveryMs = 250, say } = this.#options
    const now = sweep.clock.monotonic()
    const dueMs = Math.max(this.#silentFrom, quietAt()) + silenceMs
    if (now >= dueMs) {
      const phrase = phrases.at(Math.min(this.#said, phrases.length - 1))
      if (phrase === undefined) return
      this.#said += 1
      this.#silentFrom = now
      say(phrase)
    }
    const waitMs = Math.min(checkEveryMs, now < dueMs ? dueMs - now : silenceMs)
    this.#cancel = sweep.after(waitMs, () => this.#check())
  }
}
