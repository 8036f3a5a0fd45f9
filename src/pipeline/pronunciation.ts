/** How a text is written for the synthesizer: words of a table as they are pronounced, and long numbers digit by digit. Pure. */

/** Whole words or phrases, whatever their case, and what is spoken in their place. */
export type PronunciationTable = Readonly<Record<string, string>>

/** From this length on digits in a row are read one by one: a phone number is not said as one number. */
const SPELLED_DIGITS = 7

export class Pronunciation {
  readonly #spoken: ReadonlyMap<string, string>
  readonly #pattern: RegExp

  constructor(table: PronunciationTable = {}) {
    const entries = Object.entries(table).map(([word, spoken]) => [word.toLowerCase(), spoken] as const)
    this.#spoken = new Map(entries)
    // Longer phrases first: they may begin with a shorter one.
    const words = entries.map(([word]) => RegExp.escape(word)).toSorted((a, b) => b.length - a.length)
    const digits = `(?<![\\p{L}\\p{N}.,])\\+?\\d{${SPELLED_DIGITS},}(?![\\p{L}\\p{N}]|[.,]\\d)`
    const named = words.length > 0 ? `|(?<![\\p{L}\\p{N}])(?:${words.join("|")})(?![\\p{L}\\p{N}])` : ""
    this.#pattern = new RegExp(`${digits}${named}`, "giu")
  }

  /** What is spoken in place of each part of the clause, in order. */
  partsOf(clause: string): { text: string; spoken: string }[] {
    const parts: { text: string; spoken: string }[] = []
    let at = 0
    for (const match of clause.matchAll(this.#pattern)) {
      const [text] = match
      if (match.index > at) parts.push(unchanged(clause.slice(at, match.index)))
      parts.push({ text, spoken: this.#spoken.get(text.toLowerCase()) ?? text.split("").join(" ") })
      at = match.index + text.length
    }
    if (at < clause.length || parts.length === 0) parts.push(unchanged(clause.slice(at)))
    return parts
  }
}

/** One utterance as it was written and as it is spoken. */
export class PronouncedText {
  readonly #pronunciation: Pronunciation
  /** Where each part ends in both. */
  readonly #ends: { written: number; spoken: number; isSame: boolean }[] = []

  constructor(pronunciation: Pronunciation) {
    this.#pronunciation = pronunciation
  }

  /** Adds a clause; returns what is to be spoken. */
  add(clause: string): string {
    const parts = this.#pronunciation.partsOf(clause)
    for (const { text, spoken } of parts) {
      const last = this.#ends.at(-1) ?? { written: 0, spoken: 0 }
      this.#ends.push({
        written: last.written + text.length,
        spoken: last.spoken + spoken.length,
        isSame: text === spoken,
      })
    }
    return parts.map(({ spoken }) => spoken).join("")
  }

  /** Characters as written that are covered by so many as spoken. A replaced part counts once all of it was spoken. */
  written(spokenChars: number): number {
    let written = 0
    let spoken = 0
    for (const end of this.#ends) {
      if (end.spoken > spokenChars) return end.isSame ? written + spokenChars - spoken : written
      ;({ written, spoken } = end)
    }
    return written
  }
}

function unchanged(text: string): { text: string; spoken: string } {
  return { text, spoken: text }
}
