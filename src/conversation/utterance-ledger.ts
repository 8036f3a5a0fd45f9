/** Ledger of one utterance: the text sent to be spoken, and how much of it was heard. Pure. */

export class UtteranceLedger {
  #text = ""
  #playedTo = 0

  /** Everything sent so far. */
  get text(): string {
    return this.#text
  }

  /** The part that is known to have been played. */
  get playedText(): string {
    return this.#text.slice(0, this.#playedTo).trim()
  }

  /** Whether all of the text is known to have been played. */
  get playedOut(): boolean {
    return this.#text.slice(this.#playedTo).trim() === ""
  }

  /** Text that was sent to be spoken. */
  sent(text: string): void {
    this.#text += text
  }

  /** A clause that was reported as played. Returns whether it belongs to this utterance. */
  played(clause: string): boolean {
    const end = endOf(this.#text, clause, { from: this.#playedTo })
    if (end === undefined) return false
    this.#playedTo = end
    return true
  }

  /**
   * What the caller heard of this utterance, when the report of an interruption says `report`; undefined when that text
   * is not from here. The report covers the utterance from its beginning or, unless `fromStart`, only a later stretch.
   */
  heard(report: string, { fromStart = false } = {}): string | undefined {
    const end =
      endOf(this.#text, report, { fromStart: true }) ??
      (fromStart
        ? undefined
        : (endOf(this.#text, report, { from: this.#playedTo }) ?? endOf(this.#text, report)))
    return end === undefined ? undefined : this.#text.slice(0, Math.max(end, this.#playedTo)).trim()
  }
}

/** Where `wanted` ends in `text`, whatever the white space of both. */
function endOf(text: string, wanted: string, { from = 0, fromStart = false } = {}): number | undefined {
  const needle = wanted.replace(/\s+/g, "")
  if (needle === "") return undefined
  const haystack = text.slice(from).replace(/\s+/g, "")
  const at = fromStart ? (haystack.startsWith(needle) ? 0 : -1) : haystack.indexOf(needle)
  if (at === -1) return undefined
  let missing = at + needle.length
  for (let index = from; index < text.length; index++) {
    if (/\S/.test(text.charAt(index)) && --missing === 0) return index + 1
  }
  return undefined
}
