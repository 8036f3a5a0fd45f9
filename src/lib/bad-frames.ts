/** Counts the invalid frames of one socket and limits how many are reported. Pure. */

/** The first ones are reported one by one, then every hundredth. */
const REPORTED = 10

export class BadFrames {
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Counts one more. Returns whether it should be reported. */
  add(): boolean {
    this.#count += 1
    return this.#count <= REPORTED || this.#count % 100 === 0
  }
}
