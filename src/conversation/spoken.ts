/** Ledger of one utterance: the text sent to be spoken, and how much of it was heard. Pure. */

export class Spoken {
  #text = ""
  #playedTo = 0

  /** Everything sent so far. */
  get text(): string {
    return this.#text
  }

  /** How many characters of the text are known to have been played. */
  get playedTo(): number {
    return this.#playedTo
  }

  /** Text that was handed over to be spoken. */
  sent(text: string): void {
    this.#text += text
  }

  /** A clause that was reported as played. Returns whether it belongs to this utterance. */
  played(clause: string): boolean {
    const found = locate(this.#text, clause, this.#playedTo)
    if (!found) return false
    this.#playedTo = found.end
    return true
  }

  /** Whether all of the text is known to have been played. */
  get playedOut(): boolean {
    return this.#text.slice(this.#playedTo).trim() === ""
  }

  /**
   * What the caller heard, when the report of an interruption says `heard`; undefined when that text is not from this
   * utterance. The report may cover the whole utterance or only its latest stretch.
   */
  heard(heard: string): string | undefined {
    if (heard.trim() === "") return this.#text.slice(0, this.#playedTo).trim()
    const found =
      locate(this.#text, heard, 0, { anchored: true }) ??
      locate(this.#text, heard, this.#playedTo) ??
      locate(this.#text, heard, 0)
    if (!found) return undefined
    return this.#text.slice(0, Math.max(found.end, this.#playedTo)).trim()
  }
}

/** Finds `needle` from `from` on, whatever the white space. The end is counted in characters of `text`. */
function locate(
  text: string,
  needle: string,
  from: number,
  { anchored = false } = {},
): { end: number } | undefined {
  const wanted = needle.replace(/\s+/g, "")
  if (wanted === "") return undefined
  let compact = ""
  const origin: number[] = []
  for (let index = from; index < text.length; index++) {
    const char = text.charAt(index)
    if (/\s/.test(char)) continue
    compact += char
    origin.push(index)
  }
  const at = compact.indexOf(wanted)
  if (at === -1 || (anchored && at !== 0)) return undefined
  const last = origin[at + wanted.length - 1]
  return last === undefined ? undefined : { end: last + 1 }
}
