/** Collects keys or words for one `<Gather>`. Source: Twilio "TwiML Voice: <Gather>". */

import type { Sweep } from "../lib/sweep.ts"

export type Gathered = { Digits: string } | { SpeechResult: string; Confidence: string }

export class Gather {
  /** What was given; undefined when nothing came in time. Never rejects. */
  readonly gathered: Promise<Gathered | undefined>
  readonly #done = Promise.withResolvers<Gathered | undefined>()
  readonly #attributes: Readonly<Record<string, string>>
  readonly #sweep: Sweep
  #digits = ""
  #open = true
  #cancel = () => {}

  constructor(attributes: Readonly<Record<string, string>>, sweep: Sweep) {
    this.#attributes = attributes
    this.#sweep = sweep
    this.gathered = this.#done.promise
  }

  /** The prompts were played: from now on silence counts. */
  startWaiting(): void {
    this.#cancel()
    if (this.#open) this.#cancel = this.#sweep.after(this.#timeoutMs(), () => this.close())
  }

  /** One key. Returns whether it was accepted. */
  press(digit: string): boolean {
    if (!this.#takes("dtmf")) return false
    const { finishOnKey = "#", numDigits } = this.#attributes
    // Before any digit it means that there is no input.
    if (digit === finishOnKey) {
      this.close()
      return true
    }
    this.#digits += digit
    if (this.#digits.length >= Number(numDigits ?? Number.POSITIVE_INFINITY)) this.close()
    else this.startWaiting()
    return true
  }

  /** Speech. Returns whether it was accepted. */
  say(text: string): boolean {
    // The first kind of input wins.
    if (!this.#takes("speech") || this.#digits !== "") return false
    this.#finish({ SpeechResult: text, Confidence: "0.92" })
    return true
  }

  /** Ends the collecting with what there is. Closing twice is harmless. */
  close(): void {
    this.#finish(this.#digits === "" ? undefined : { Digits: this.#digits })
  }

  #takes(input: "dtmf" | "speech"): boolean {
    return this.#open && (this.#attributes["input"] ?? "dtmf").split(/\s+/).includes(input)
  }

  #timeoutMs(): number {
    const seconds = Number(this.#attributes["timeout"] ?? 5)
    return Number.isFinite(seconds) ? seconds * 1_000 : 5_000
  }

  #finish(gathered: Gathered | undefined): void {
    if (!this.#open) return
    this.#open = false
    this.#cancel()
    this.#done.resolve(gathered)
  }
}
