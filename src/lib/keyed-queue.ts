/** One piece of work at a time for each key, in the order of arrival. A key without work uses no memory. */

import { AppError } from "./errors.ts"

type Line = { size: number; last: Promise<unknown> }

export type KeyedQueueOptions = {
  /** Pieces of work that one key may have, the running one included. */
  most: number
  /** What the work is called in the refusal of more: "messages of one conversation". */
  what: string
}

export class KeyedQueue {
  readonly #options: KeyedQueueOptions
  readonly #lines = new Map<string, Line>()
  #size = 0

  constructor(options: KeyedQueueOptions) {
    this.#options = options
  }

  /** Pieces of work that run or wait, of all keys. */
  get size(): number {
    return this.#size
  }

  /** Runs `work` after everything that was given for `key` before. Rejects with RATE_LIMITED when too much waits. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const { most, what } = this.#options
    const line = this.#lines.get(key) ?? { size: 0, last: Promise.resolve() }
    if (line.size >= most) {
      throw new AppError("RATE_LIMITED", `Only ${most} ${what} may wait.`, { retryAfterSeconds: 1 })
    }
    this.#lines.set(key, line)
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
      if (line.size === 0) this.#lines.delete(key)
    }
  }
}
