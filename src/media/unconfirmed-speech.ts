/** What the caller said since speech was noticed, in its pieces, until the model has confirmed it: it may have to be sent once more. */

/** Ten seconds, in characters of Base64 as Twilio sends them: 216 for 20 ms. */
const MAX_CHARS = 500 * 216

export class UnconfirmedSpeech {
  #pieces: string[] = []
  #chars = 0

  /** Keeps the piece, and drops the oldest ones beyond ten seconds. */
  add(payload: string): void {
    this.#pieces.push(payload)
    this.#chars += payload.length
    if (this.#chars > MAX_CHARS) this.#drop()
  }

  /** Returns all that is kept, and keeps nothing of it. */
  take(): string[] {
    const pieces = this.#pieces
    this.#pieces = []
    this.#chars = 0
    return pieces
  }

  /** In steps of half a second, so that the rest is not moved for every piece. */
  #drop(): void {
    let dropped = 0
    while (this.#chars > MAX_CHARS * 0.95 && dropped < this.#pieces.length) {
      this.#chars -= this.#pieces[dropped]?.length ?? 0
      dropped += 1
    }
    this.#pieces.splice(0, dropped)
  }
}
