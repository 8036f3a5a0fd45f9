/** Collects the digits that the caller presses until `#`, a pause, or a full buffer. */

import type { Sweep } from "../lib/sweep.ts"

/** A longer sequence is passed on in parts. */
const MAX_DIGITS = 64

export type DtmfBufferOptions = {
  sweep: Sweep
  /** Pause that completes the digits, in milliseconds. */
  pauseMs: number
  onDigits: (digits: string) => void
}

export class DtmfBuffer {
  readonly #options: DtmfBufferOptions
  #digits = ""
  #cancel = () => {}

  constructor(options: DtmfBufferOptions) {
    this.#options = options
  }

  /** The caller pressed a key: `0`–`9`, `*` or `#`. */
  add(digit: string): void {
    this.#digits += digit
    this.#cancel()
    const { sweep, pauseMs, onDigits } = this.#options
    const complete = () => onDigits(this.take())
    if (digit === "#" || this.#digits.length >= MAX_DIGITS) complete()
    else this.#cancel = sweep.after(pauseMs, complete)
  }

  /** Removes and returns what was collected, as when something else happens meanwhile; empty when nothing was. */
  take(): string {
    this.#cancel()
    const digits = this.#digits
    this.#digits = ""
    return digits
  }
}
