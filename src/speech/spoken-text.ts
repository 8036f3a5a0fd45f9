/** The text of one utterance against its audio: which part was spoken by which millisecond. Pure. */

/** Ordinary pace of speech, until an utterance has shown its own. */
export const MS_PER_CHARACTER = 66
/** Positions that are kept: one for each word of ten minutes. */
const MAX_POSITIONS = 2_000

export type SpokenTextOptions = {
  /** Milliseconds for a character behind the last known position, as learned from earlier utterances of the same voice. */
  msPerCharacter?: number
}

export class SpokenText {
  readonly #msPerCharacter: number
  #text = ""
  /** Grows in both; the first is the beginning. */
  readonly #positions: { chars: number; ms: number }[] = [{ chars: 0, ms: 0 }]

  constructor({ msPerCharacter = MS_PER_CHARACTER }: SpokenTextOptions = {}) {
    this.#msPerCharacter = msPerCharacter
  }

  get text(): string {
    return this.#text
  }

  /** A clause was added to the utterance. */
  add(clause: string): void {
    this.#text += clause
  }

  /** A `position` of the synthesizer. One that does not grow is ignored. */
  position(chars: number, ms: number): void {
    const last = this.#last
    if (chars <= last.chars || ms < last.ms || this.#positions.length >= MAX_POSITIONS) return
    this.#positions.push({ chars: Math.min(chars, this.#text.length), ms })
  }

  /** Whether the whole text is covered by positions. */
  get isKnown(): boolean {
    return this.#last.chars >= this.#text.trimEnd().length
  }

  /** The text that is spoken in the first `ms` milliseconds, in whole words. A word that was begun does not count. */
  until(ms: number): string {
    return wholeWords(this.#text, this.charsAt(ms))
  }

  /** Characters spoken in the first `ms` milliseconds: exact at a known position, in between and behind it by pace. */
  charsAt(ms: number): number {
    const after = this.#positions.find((position) => position.ms > ms)
    const before = this.#positions.findLast((position) => position.ms <= ms) ?? { chars: 0, ms: 0 }
    const pace = after ? (after.ms - before.ms) / (after.chars - before.chars) : this.#msPerCharacter
    const most = after ? after.chars : this.#text.length
    return Math.min(most, before.chars + Math.floor((ms - before.ms) / pace))
  }

  get #last(): { chars: number; ms: number } {
    return this.#positions.at(-1) ?? { chars: 0, ms: 0 }
  }
}

/** The first `chars` characters, without the beginning of a word that continues behind them. */
function wholeWords(text: string, chars: number): string {
  if (chars >= text.length) return text.trimEnd()
  const part = text.slice(0, Math.max(0, chars))
  if (/\s/.test(text.charAt(chars))) return part.trimEnd()
  // Scripts without spaces between words are cut where the audio stopped.
  if (/[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]/.test(part)) return part
  return part.replace(/\S+$/, "").trimEnd()
}
