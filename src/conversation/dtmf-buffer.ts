/** Keys that the caller pressed, collected into one row: it ends with `#` or after a pause. */

import type { Sweep } from "../lib/sweep.ts"

/** A row longer than this is passed on in pieces. */
const MAX_DIGITS = 64

export type DigitsOptions = {
  sweep: Sweep
  /** Pause that ends a row, in milliseconds. */
  pauseMs: number
  onRow: (digits: string) => void
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
    const { sweep, pauseMs, onRow } = this.#options
    const pass = () => onRow(this.take())
    if (digit === "#" || this.#row.length >= MAX_DIGITS) pass()
    else this.#cancel = sweep.after(pauseMs, pass)
  }

  /** Takes out what waits, as when something else is being said at the same time; empty when nothing does. */
  take(): string {
    this.#cancel()
    const row = this.#row
    this.#row = ""
    return row
  }
}
