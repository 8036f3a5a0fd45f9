/** The word by which a model ends the call in the text of its answer. It is never spoken or kept. Pure. */

/** For models without tools, and for prompts that were written for it: what is said with it is heard first. */
export const HANG_UP_WORD = "END_THE_CALL"

export class HangUpWord {
  /** The end of the text so far, which may be the beginning of the word. */
  #held = ""
  #isFound = false

  get isFound(): boolean {
    return this.#isFound
  }

  /** Takes the next piece of the answer, cut anywhere; returns what of it, and of what was held back, is text. */
  push(text: string): string {
    if (this.#held === "" && !text.includes(HANG_UP_WORD.charAt(0))) return text
    let rest = this.#held + text
    if (rest.includes(HANG_UP_WORD)) {
      this.#isFound = true
      rest = rest.replaceAll(HANG_UP_WORD, "")
    }
    const held = heldLength(rest)
    this.#held = rest.slice(rest.length - held)
    return rest.slice(0, rest.length - held)
  }

  /** The text is complete: returns what was held back. */
  flush(): string {
    const held = this.#held
    this.#held = ""
    return held
  }
}

/** Length of the longest end of `text` that begins the word. */
function heldLength(text: string): number {
  for (let length = Math.min(text.length, HANG_UP_WORD.length - 1); length > 0; length--) {
    if (HANG_UP_WORD.startsWith(text.slice(text.length - length))) return length
  }
  return 0
}
