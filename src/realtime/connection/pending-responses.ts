/** What the model still owes the conversation: sentences it was asked to say, and an answer. Outlives connections. Pure. */

import type { Wish } from "./response-queue.ts"
import type { RealtimeResponse } from "../protocol/objects.ts"

/** Under this name the number of a sentence travels in the metadata of its response. */
const SENTENCE = "parley_sentence"
const MAX_SENTENCES = 8

export class Owed {
  /** Whether the caller, a key, a message or the result of a tool waits for an answer. */
  answer = false
  readonly #sentences = new Map<string, string>()
  #serial = 0

  get any(): boolean {
    return this.answer || this.#sentences.size > 0
  }

  /** One more sentence. Returns the wish for it. */
  sentence(text: string): Wish {
    this.#serial += 1
    const id = String(this.#serial)
    this.#sentences.set(id, text)
    const [oldest] = this.#sentences.keys()
    if (this.#sentences.size > MAX_SENTENCES && oldest !== undefined) this.#sentences.delete(oldest)
    return wishFor(id, text)
  }

  /** Everything that is owed, to be asked for again. */
  wishes(): Wish[] {
    const sentences = [...this.#sentences].map(([id, text]) => wishFor(id, text))
    return this.answer ? [...sentences, {}] : sentences
  }

  /** A response begins. */
  began({ metadata }: RealtimeResponse): void {
    // One that was not asked for by a sentence is the answer.
    if (metadata[SENTENCE] === undefined) this.answer = true
  }

  /** A response has ended otherwise than by a failure. */
  done({ metadata }: RealtimeResponse): void {
    const id = metadata[SENTENCE]
    if (id === undefined) this.answer = false
    else this.#sentences.delete(id)
  }

  /** The caller, or a key, has cut in: what was owed is out of date, but for sentences that were not begun. */
  interrupted(): void {
    this.answer = false
  }

  clear(): void {
    this.answer = false
    this.#sentences.clear()
  }
}

function wishFor(id: string, text: string): Wish {
  return {
    overrides: {
      instructions: `Say exactly the following to the caller, word for word, and nothing else:\n\n${text}`,
      input: [],
      toolChoice: "none",
      metadata: { [SENTENCE]: id },
    },
    keep: true,
  }
}
