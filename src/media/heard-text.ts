/** How much of a transcript was heard, by the share of its sound that was played. Pure. */

const words = new Intl.Segmenter(undefined, { granularity: "word" })

/**
 * The words that were heard, cut at the end of a word. The whole text when all of the sound was heard, none of it when
 * nothing was. An estimate: speech is taken to be even. Works for scripts without spaces too.
 */
export function heardText(transcript: string, heardMs: number, sentMs: number): string {
  if (heardMs <= 0 || sentMs <= 0) return ""
  if (heardMs >= sentMs) return transcript.trim()
  const limit = (transcript.length * heardMs) / sentMs
  let end = 0
  let open = false
  for (const { index, segment, isWordLike } of words.segment(transcript)) {
    // Marks right behind a word take no time of their own.
    if (isWordLike !== true && !(open && /^\p{P}+$/u.test(segment))) {
      open = false
      continue
    }
    if (isWordLike === true && index + segment.length > limit) break
    end = index + segment.length
    open = true
  }
  return transcript.slice(0, end).trim()
}
