/** A bounded list that grows while a simulated call continues, and is read by awaiting instead of polling. */

type Waiter<T> = {
  predicate: (item: T) => boolean
  resolve: (item: T) => void
  reject: (error: Error) => void
}

export class AwaitableLog<T> implements AsyncIterable<T> {
  readonly #name: string
  readonly #keep: number
  #items: T[] = []
  /** How many items were dropped in front of `#items`. */
  #dropped = 0
  /** The first item that `next` has not passed yet, counted from the beginning of the log. */
  #cursor = 0
  #closed: string | undefined
  readonly #waiters = new Set<Waiter<T>>()
  readonly #listeners = new Set<(item: T) => void>()
  readonly #closing = Promise.withResolvers<void>()

  /** Keeps at least the last `keep` items. `name` appears in errors. */
  constructor(name: string, keep = 2_000) {
    this.#name = name
    this.#keep = keep
  }

  /** What is kept, oldest first. */
  get all(): readonly T[] {
    return this.#items
  }

  /** How many items there ever were. */
  get count(): number {
    return this.#dropped + this.#items.length
  }

  push(item: T): void {
    if (this.#closed !== undefined) return
    this.#items.push(item)
    if (this.#items.length > 2 * this.#keep) {
      const tooMany = this.#items.length - this.#keep
      this.#items = this.#items.slice(tooMany)
      this.#dropped += tooMany
    }
    for (const waiter of this.#waiters) {
      if (!waiter.predicate(item)) continue
      this.#waiters.delete(waiter)
      this.#cursor = this.count
      waiter.resolve(item)
    }
    for (const listener of this.#listeners) listener(item)
  }

  /** No item follows. Pending waits reject with the reason. Closing twice is harmless. */
  close(reason: string): void {
    if (this.#closed !== undefined) return
    this.#closed = reason
    for (const waiter of this.#waiters) waiter.reject(this.#over(reason))
    this.#waiters.clear()
    this.#listeners.clear()
    this.#closing.resolve()
  }

  /**
   * The next item that matches, from the past or the future; what lies before it is passed over and not returned by
   * later calls. Concurrent waits get the same item. Rejects when the log closes without one.
   */
  next(predicate: (item: T) => boolean = () => true): Promise<T> {
    const from = Math.max(0, this.#cursor - this.#dropped)
    const index = this.#items.findIndex((item, at) => at >= from && predicate(item))
    const found = this.#items[index]
    if (index >= 0 && found !== undefined) {
      this.#cursor = this.#dropped + index + 1
      return Promise.resolve(found)
    }
    if (this.#closed !== undefined) return Promise.reject(this.#over(this.#closed))
    return new Promise((resolve, reject) => this.#waiters.add({ predicate, resolve, reject }))
  }

  /** Calls the listener with every kept item, then with each new one. Returns a function that stops it. */
  listen(listener: (item: T) => void): () => void {
    for (const item of this.#items) listener(item)
    if (this.#closed === undefined) this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** All items from the first kept one, until the log closes. Independent of `next`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    let at = this.#dropped
    for (;;) {
      at = Math.max(at, this.#dropped)
      const ready = this.#items.slice(at - this.#dropped)
      at += ready.length
      yield* ready
      if (at < this.count) continue
      if (this.#closed !== undefined) return
      const more = Promise.withResolvers<void>()
      const wake = () => more.resolve()
      this.#listeners.add(wake)
      await Promise.race([more.promise, this.#closing.promise])
      this.#listeners.delete(wake)
    }
  }

  #over(reason: string): Error {
    return new Error(`nothing more comes from ${this.#name}: ${reason}`)
  }
}
