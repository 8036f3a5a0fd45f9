/** How many sockets of one kind may be open at once, of one holder and of all. */

export class SocketSlots {
  readonly #most: number
  readonly #perHolder: number
  readonly #ofHolders = new Map<string, number>()
  #size = 0

  constructor({ most, perHolder }: { most: number; perHolder: number }) {
    this.#most = most
    this.#perHolder = perHolder
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#size
  }

  /** Returns the release, which is harmless when called twice; undefined at a limit. */
  reserve(holder: string): (() => void) | undefined {
    const held = this.#ofHolders.get(holder) ?? 0
    if (held >= this.#perHolder || this.#size >= this.#most) return undefined
    this.#ofHolders.set(holder, held + 1)
    this.#size += 1
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#size -= 1
      const left = (this.#ofHolders.get(holder) ?? 1) - 1
      if (left === 0) this.#ofHolders.delete(holder)
      else this.#ofHolders.set(holder, left)
    }
  }
}
