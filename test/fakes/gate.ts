/** A gate that lets as many pass as it was opened for: the order of things in a test, without waiting for time. */

export class Gate {
  #permits = 0
  readonly #waiting: (() => void)[] = []
  readonly #arrivals: (() => void)[] = []

  /** Lets `count` pass, those that wait first. */
  open(count = 1): void {
    this.#permits += count
    while (this.#permits > 0) {
      const pass = this.#waiting.shift()
      if (!pass) return
      this.#permits--
      pass()
    }
  }

  openForever(): void {
    this.open(Number.POSITIVE_INFINITY)
  }

  /** Resolves once somebody stands before the closed gate. */
  reached(): Promise<void> {
    if (this.#waiting.length > 0) return Promise.resolve()
    return new Promise((resolve) => this.#arrivals.push(resolve))
  }

  pass = (): Promise<void> => {
    if (this.#permits > 0) {
      this.#permits--
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      for (const arrived of this.#arrivals.splice(0)) arrived()
    })
  }
}
