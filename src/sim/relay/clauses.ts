/** Ends of words and clauses in growing text. Pure. */

/**
 * The length of what can be spoken before more text is here: up to the last end of a clause, at least `from`. A point
 * with no space after it may stand inside a number or an address and ends nothing.
 */
export function lastClauseEnd(text: string, from: number): number {
  for (let end = text.length; end > from; end -= 1) if (isClauseEnd(text, end)) return end
  return from
}

/** The first end of a clause behind `position`, at most `limit`. */
export function clauseEndAfter(text: string, position: number, limit: number): number {
  for (let end = Math.floor(position) + 1; end < limit; end += 1) if (isClauseEnd(text, end)) return end
  return limit
}

/** The text up to `position`, without a word that is only half said. */
export function wholeWords(text: string, position: number): string {
  // A position is a sum of parts; a word that is over by a rounding error is over.
  const end = Math.floor(position + 1e-6)
  const said = text.slice(0, end)
  // Marks behind a word take no time of their own.
  if (/^\p{P}*(?:\s|$)/u.test(text.slice(end, end + 8))) return said.trimEnd()
  return said.slice(0, said.search(/\S*$/)).trimEnd()
}

/** The position at which `count` words have been said; Infinity while the text has fewer. */
export function wordEnd(text: string, count: number): number {
  let words = 0
  for (let at = 0; at < text.length; at += 1) {
    if (isSpace(text, at) || (at + 1 < text.length && !isSpace(text, at + 1))) continue
    words += 1
    if (words === count) return at + 1
  }
  return Number.POSITIVE_INFINITY
}

function isClauseEnd(text: string, end: number): boolean {
  const before = text[end - 1] ?? ""
  if ("。！？、\n".includes(before)) return before !== ""
  return isSpace(text, end - 1) && /[.,;:!?…]["')\]]*$/.test(text.slice(Math.max(0, end - 5), end - 1))
}

function isSpace(text: string, at: number): boolean {
  const character = text[at]
  return character === " " || character === "\n" || character === "\t" || character === "\r"
}
