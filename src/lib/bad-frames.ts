/** Counts the frames of one socket that make no sense, and keeps them from filling log and store. Pure. */

/** Told one by one; after that only every hundredth. */
const TOLD = 10

export class BadFrames {
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Counts one more. Returns whether it is worth telling. */
  add(): boolean {
    this.#count += 1
    return this.#count <= TOLD || this.#count % 100 === 0
  }
}
