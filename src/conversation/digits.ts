/** Keys that the caller pressed, collected into one row: it ends with `#` or after a pause. */

import type { Sweep } from "../lib/sweep.ts"

/** A row longer than this is passed on in pieces. */
const MAX_DIGITS = 64

export type DigitsOptions = {
  sweep: Sweep
  /** Pause that ends a row, in milliseconds. */
  pauseMs: number
  /** `quietly`: something else is being said at the same time, and answers both. */
  onDigits: (digits: string, options: { quietly: boolean }) => void
}

export class Digits {
  readonly #options: DigitsOptions
  #row = ""
  #cancel = () => {}

  constructor(options: DigitsOptions) {
    this.#options = options
  }

  press(digit: string): void {
    this.#row += digit
    this.#cancel()
    if (digit === "#" || this.#row.length >= MAX_DIGITS) this.#release({ quietly: false })
    else
      this.#cancel = this.#options.sweep.after(this.#options.pauseMs, () => this.#release({ quietly: false }))
  }

  /** Passes on what waits, because something else is being said. */
  flush({ quietly = true } = {}): void {
    this.#cancel()
    this.#release({ quietly })
  }

  #release(options: { quietly: boolean }): void {
    if (this.#row === "") return
    const row = this.#row
    this.#row = ""
    this.#options.onDigits(row, options)
  }
}
