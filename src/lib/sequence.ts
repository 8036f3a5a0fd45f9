/** Runs one piece of work at a time, in the order in which it was given. */

export class Sequence {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `work` after everything that was given before, whatever became of that. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}
