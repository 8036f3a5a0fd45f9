/** How long the supervisor waits before it starts a worker again. Pure. */

/** A worker that served for a shorter time counts as failed at the start, in milliseconds. */
export const SHORT_LIFE_MS = 1_000

const DELAYS_MS = [0, 500, 1_000, 2_000, 5_000]

/** In milliseconds. `shortLives`: how many workers in a row ended within `SHORT_LIFE_MS`. */
export function restartDelayMs(shortLives: number): number {
  return DELAYS_MS[Math.min(Math.max(0, shortLives - 1), DELAYS_MS.length - 1)] ?? 0
}
