/** One piece of work at a time for each session, in the order of arrival. Keeps nothing of a session that rests. */

import { AppError } from "../lib/errors.ts"

type Line = { size: number; last: Promise<unknown> }

export class SessionQueue {
  readonly #most: number
  readonly #lines = new Map<string, Line>()
  #size = 0

  /** `most`: pieces of work that one session may have, the running one included. */
  constructor({ most }: { most: number }) {
    this.#most = most
  }

  /** Pieces of work that run or wait, of all sessions. */
  get size(): number {
    return this.#size
  }

  /** Runs `work` after everything that was given for `id` before. Rejects with RATE_LIMITED when too much waits. */
  async run<T>(id: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(id) ?? { size: 0, last: Promise.resolve() }
    if (line.size >= this.#most) {
      throw new AppError("RATE_LIMITED", `Only ${this.#most} messages of one conversation may wait.`, {
        retryAfterSeconds: 1,
      })
    }
    this.#lines.set(id, line)
    line.size += 1
    this.#size += 1
    const before = line.last
    const { promise: done, resolve } = Promise.withResolvers<void>()
    line.last = done
    try {
      await before
      return await work()
    } finally {
      resolve()
      line.size -= 1
      this.#size -= 1
      if (line.size === 0) this.#lines.delete(id)
    }
  }
}
