/** Call control by convention: `[[end-call]]` or `[[end-call: words]]` in a text is a marker, and never spoken. Pure. */

export type Marker = { name: string; words: string }

/** A marker that is still open keeps so many characters at most; what its words have beyond that is left out. */
const MAX_CHARS = 4_000

const WHOLE = /^\[\[\s*([A-Za-z][\w-]{0,63})\s*(?::([\s\S]*?))?\]\]/
const BEGINNING = /^\[\[\s*(?:[A-Za-z][\w-]{0,63}\s*(?::[\s\S]*|\]?))?$/

/** Takes markers out of streamed text, wherever the stream cuts them. */
export class MarkerFilter {
  #held = ""

  /** Text and markers in their order. The beginning of a possible marker is held back until the next piece. */
  push(piece: string): (string | Marker)[] {
    const found: (string | Marker)[] = []
    const say = (text: string) => void (text !== "" && found.push(text))
    let rest = this.#held + piece
    this.#held = ""
    while (true) {
      const at = rest.indexOf("[[")
      if (at === -1) break
      say(rest.slice(0, at))
      rest = rest.slice(at)
      const [whole, name, words = ""] = WHOLE.exec(rest) ?? []
      if (whole !== undefined && name !== undefined) {
        found.push({ name, words: words.trim() })
        rest = rest.slice(whole.length)
      } else if (BEGINNING.test(rest)) {
        // The last character stays: it may be the first bracket of the end.
        this.#held = rest.length <= MAX_CHARS ? rest : rest.slice(0, MAX_CHARS - 1) + rest.slice(-1)
        return found
      } else {
        say("[")
        rest = rest.slice(1)
      }
    }
    const open = rest.endsWith("[") ? 1 : 0
    say(rest.slice(0, rest.length - open))
    this.#held = rest.slice(rest.length - open)
    return found
  }

  /** What was held back, once nothing more comes. A marker that was never closed stays unsaid. */
  flush(): string {
    const held = this.#held
    this.#held = ""
    return held === "[" ? held : ""
  }
}
