/** Finds the places of aligned characters in the text that was sent. Pure. */

/** Characters as they are spoken, with their times within one piece of audio, in milliseconds. */
export type Alignment = {
  chars: readonly string[]
  startsMs: readonly number[]
  durationsMs: readonly number[]
}

export class AlignedText {
  #text = ""
  /** Characters of the text that were spoken. */
  #at = 0

  add(text: string): void {
    this.#text += text
  }

  /** Length of the text without blanks at its end. */
  get length(): number {
    return this.#text.trimEnd().length
  }

  get spoken(): number {
    return this.#at
  }

  /** The ends of words in a piece of audio that begins at `startMs` of the utterance. */
  take({ chars, startsMs, durationsMs }: Alignment, startMs: number): { chars: number; ms: number }[] {
    const ends: { chars: number; ms: number }[] = []
    for (const [index, char] of chars.entries()) {
      if (!this.#pass(char)) continue
      const isEnd = isBlank(this.#text.charAt(this.#at)) || this.#at >= this.#text.length
      const ms = startMs + (startsMs[index] ?? 0) + (durationsMs[index] ?? 0)
      if (isEnd) ends.push({ chars: this.#at, ms: Math.round(ms) })
    }
    return ends
  }

  /** Passes a character that is spoken; returns whether it is part of a word. Blanks may differ from the text. */
  #pass(char: string): boolean {
    if (isBlank(char)) return false
    while (isBlank(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at += 1
    this.#at = Math.min(this.#text.length, this.#at + char.length)
    return true
  }
}

function isBlank(char: string): boolean {
  return char.trim() === ""
}
