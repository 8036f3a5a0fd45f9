/** How much of a text was heard, by how much of its audio was. Pure. */

/**
 * The beginning of `text` that fills `share` (0 to 1) of it, cut after a whole word. An estimate: speech is assumed to
 * run evenly. A word that was begun counts as not heard.
 */
export function heardText(text: string, share: number): string {
  const whole = text.trim()
  if (share >= 1) return whole
  const length = Math.floor(whole.length * Math.max(0, Number.isNaN(share) ? 0 : share))
  if (/\s/.test(whole.charAt(length))) return whole.slice(0, length).trimEnd()
  // Scripts without spaces between words are cut where the audio stopped.
  if (!/\s/.test(whole))
    return /[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]/.test(whole) ? whole.slice(0, length) : ""
  return whole.slice(0, length).replace(/\S+$/, "").trimEnd()
}
