/** Where time comes from. Product code never calls `Date.now()` itself, so a test can own the time. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
}

export const systemClock: Clock = { now: () => Date.now() }
