/** Where time comes from. Product code never calls `Date.now()` itself, so a test can own the time. */

export interface Clock {
  /** Milliseconds since the Unix epoch: for what is stored, shown or sent. Steps when the machine's clock is set. */
  now(): number
  /**
   * Milliseconds since an arbitrary time, which is the same for the whole process: for durations and deadlines. Never
   * steps and never goes back. Two processes have different ones, so it is not stored.
   */
  monotonic(): number
}

/** Its monotonic time is large from the start, so that 0 is always long ago. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => Math.floor(performance.timeOrigin + performance.now()),
}
