/** Records a message for one `<Record>`. Source: Twilio "TwiML Voice: <Record>". */

import type { Sweep } from "../lib/sweep.ts"
import { newSid } from "./sids.ts"

export type RecordedMessage = {
  recordingSid: string
  /** What was said. */
  text: string
  /** Whole seconds. */
  seconds: number
  /** The key that ended it, `hangup`, or empty. */
  digits: string
}

const CHARACTERS_PER_SECOND = 15

export class MessageRecording {
  /** The message; undefined when nothing was said in time. Never rejects. */
  readonly recorded: Promise<RecordedMessage | undefined>
  readonly #done = Promise.withResolvers<RecordedMessage | undefined>()
  readonly #sweep: Sweep
  readonly #silenceMs: number
  readonly #maxSeconds: number
  readonly #finishOnKey: string
  readonly #said: string[] = []
  #open = true
  #cancel = () => {}

  /** The beep has ended: from now on silence counts. */
  constructor(attributes: Readonly<Record<string, string>>, sweep: Sweep) {
    const { timeout = "5", maxLength = "3600", finishOnKey = "1234567890*#" } = attributes
    this.#sweep = sweep
    this.#silenceMs = Number(timeout) * 1_000
    this.#maxSeconds = Number(maxLength)
    this.#finishOnKey = finishOnKey
    this.recorded = this.#done.promise
    this.#wait()
  }

  /** Speech. Returns whether it was recorded. */
  say(text: string): boolean {
    if (!this.#open) return false
    this.#said.push(text)
    if (this.#seconds >= this.#maxSeconds) this.#finish("")
    else this.#wait()
    return true
  }

  /** One key. Returns whether it was taken. */
  press(digit: string): boolean {
    if (!this.#open || !this.#finishOnKey.includes(digit)) return false
    this.#finish(digit)
    return true
  }

  /** The call is over: what was said is kept. Hanging up twice is harmless. */
  hangUp(): void {
    this.#finish("hangup")
  }

  get #seconds(): number {
    return Math.ceil(this.#said.join(" ").length / CHARACTERS_PER_SECOND)
  }

  #wait(): void {
    this.#cancel()
    if (this.#silenceMs > 0) this.#cancel = this.#sweep.after(this.#silenceMs, () => this.#finish(""))
  }

  #finish(digits: string): void {
    if (!this.#open) return
    this.#open = false
    this.#cancel()
    if (this.#said.length === 0) return this.#done.resolve(undefined)
    const seconds = Math.min(this.#seconds, this.#maxSeconds)
    this.#done.resolve({ recordingSid: newSid("RE"), text: this.#said.join(" "), seconds, digits })
  }
}
