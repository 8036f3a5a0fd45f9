/** Splits an answer that arrives in pieces into clauses, so that the first is spoken before the rest is there. Pure. */

/** A first clause shorter than this seems cut off, and later ones cost a request each; in characters. */
const MIN_FIRST = 12
const MIN_LATER = 40
/** Longest text that waits for a mark of punctuation. */
const MAX_LENGTH = 220

/** Ends of sentences, with quotation marks and brackets behind them. */
const SENTENCE_END = /(?:[.!?…]+["'”’»)\]]*\s|[。！？]["”’」』]*|\n)/g
/** Ends of clauses within a sentence. */
const CLAUSE_END = /[,;:–—]\s|[，、；：]/g
/** Words whose full stop ends no sentence. */
const ABBREVIATION =
  /(?:^|[\s(])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|approx|Jr|Sr|Inc|Ltd|Nr|Str|bzw|ca|inkl|usw|Hr|Fr|Sra|Mme|M)\.\s$/

export class ClauseSplitter {
  #rest = ""
  #isFirst = true

  /** Whether words wait for the end of their clause. */
  get isHolding(): boolean {
    return this.#rest.trim() !== ""
  }

  /** Takes the next piece of the answer; returns the clauses that are complete by now, with their blanks. */
  push(text: string): string[] {
    this.#rest += text
    const clauses: string[] = []
    for (let end = this.#end(); end !== undefined; end = this.#end()) {
      clauses.push(this.#rest.slice(0, end))
      this.#rest = this.#rest.slice(end)
      this.#isFirst = false
    }
    return clauses
  }

  /** The answer is complete: returns what is left of it, and begins the next one. */
  flush(): string {
    const rest = this.#rest
    this.#rest = ""
    this.#isFirst = true
    return rest
  }

  /** Where the next clause ends; undefined while none is complete. */
  #end(): number | undefined {
    const rest = this.#rest
    for (const match of rest.matchAll(SENTENCE_END)) {
      const end = match.index + match[0].length
      if (rest.slice(0, end).trim().length > 0 && !ABBREVIATION.test(rest.slice(0, end))) return end
    }
    const least = this.#isFirst ? MIN_FIRST : MIN_LATER
    for (const match of rest.matchAll(CLAUSE_END)) {
      const end = match.index + match[0].length
      if (end >= least) return end
    }
    if (rest.length <= MAX_LENGTH) return undefined
    const blank = rest.lastIndexOf(" ", MAX_LENGTH)
    return blank > 0 ? blank + 1 : MAX_LENGTH
  }
}
