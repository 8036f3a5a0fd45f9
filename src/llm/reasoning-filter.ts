/** Removes reasoning between think tags from streamed text; a tag may be split across chunks. Pure. */

const OPENING = ["<think>", "<thinking>"]
const CLOSING = ["</think>", "</thinking>"]
const LONGEST = 11

export class SpokenFilter {
  #held = ""
  #thinking = false
  #spoke = false

  /** Returns the text that may be spoken; keeps the start of a possible tag for the next chunk. */
  push(piece: string): string {
    let rest = this.#held + piece
    let spoken = ""
    this.#held = ""
    while (rest !== "") {
      const at = rest.indexOf("<")
      const plain = at === -1 ? rest : rest.slice(0, at)
      if (!this.#thinking) spoken += plain
      if (at === -1) break
      rest = rest.slice(at)
      const start = rest.slice(0, LONGEST).toLowerCase()
      const tags = this.#thinking ? CLOSING : [...OPENING, ...CLOSING]
      const tag = tags.find((candidate) => start.startsWith(candidate))
      if (tag) {
        this.#thinking = OPENING.includes(tag)
        rest = rest.slice(tag.length)
      } else if (tags.some((candidate) => candidate.startsWith(start))) {
        this.#held = rest
        break
      } else {
        if (!this.#thinking) spoken += "<"
        rest = rest.slice(1)
      }
    }
    return this.#begin(spoken)
  }

  /** Returns the rest at the end of the stream. Reasoning without a closing tag is dropped. */
  flush(): string {
    const held = this.#held
    this.#held = ""
    return this.#thinking ? "" : this.#begin(held)
  }

  /** White space around reasoning is not part of the answer. */
  #begin(spoken: string): string {
    const text = this.#spoke ? spoken : spoken.trimStart()
    if (text !== "") this.#spoke = true
    return text
  }
}
