/** What can be sent to a synthesizer: text with a letter or digit in it, in pieces that are short enough. Pure. */

/** Whether a text has a letter or a digit. Vendors report an error, or nothing at all, for one without. */
export function isSpeakable(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text)
}

/** A text in pieces of at most `most` characters, cut behind blanks where there are any. Joined they are the text. */
export function piecesOf(text: string, most: number): string[] {
  const pieces: string[] = []
  let rest = text
  while (rest.length > most) {
    const blank = rest.lastIndexOf(" ", most - 1)
    const end = blank > 0 ? blank + 1 : most
    pieces.push(rest.slice(0, end))
    rest = rest.slice(end)
  }
  return [...pieces, rest]
}
