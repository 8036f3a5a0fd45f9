/** Call control in text: `[[end-call]]` and `[[end-call: argument]]` are markers that are never spoken. Pure. */

export type Marker = { name: string; words: string }

/** Limit of an open marker, in characters; the rest of its argument is dropped. */
const MAX_CHARS = 4_000

const WHOLE = /^\[\[\s*([A-Za-z][\w-]{0,63})\s*(?::([\s\S]*?))?\]\]/
const BEGINNING = /^\[\[\s*(?:[A-Za-z][\w-]{0,63}\s*(?::[\s\S]*|\]?))?$/

/** Removes markers from streamed text; a marker may be split across chunks. */
export class MarkerFilter {
  #held = ""

  /** Returns text and markers in order; keeps the start of a possible marker for the next chunk. */
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
        // Keeps the last character: it may be the first bracket of the end.
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

  /** Returns the rest at the end of the stream. A marker without its end is dropped. */
  flush(): string {
    const held = this.#held
    this.#held = ""
    return held === "[" ? held : ""
  }
}
