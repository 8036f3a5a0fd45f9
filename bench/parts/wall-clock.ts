/** Moments that two processes of one machine can compare, and their form as a word of speech. */

/** A stamp returns to its beginning after this many microseconds, some 17 minutes. */
const ROUND_US = 1_000_000_000

/** Milliseconds since the epoch, exact to some microseconds. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now()
}

/** Six characters for a moment, so that a stamped token is as long as a word. */
export function stampOf(atMs: number): string {
  return (Math.round(atMs * 1000) % ROUND_US).toString(36).padStart(6, "0")
}

/** Milliseconds from a stamp to `atMs`, for a stamp of the last minutes. Undefined for any other text. */
export function sinceStamp(text: string, atMs: number): number | undefined {
  if (!/^[0-9a-z]{6}$/.test(text)) return undefined
  const us = (Math.round(atMs * 1000) - Number.parseInt(text, 36)) % ROUND_US
  // A clock that was set back between the two moments makes the difference negative, that is nearly a whole round.
  return (us > ROUND_US / 2 ? us - ROUND_US : us) / 1000
}
