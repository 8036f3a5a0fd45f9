/**
 * The newest audio of a caller, in case it must be sent once more. Keeps the pieces as they came: fifty times a second in
 * every call, so a piece costs no decoding and no copy.
 */

/** Characters of Base64 in the pieces that Twilio sends: 160 bytes, 20 ms. */
const PIECE_CHARS = 216
/** Audio from before the noticed start of speech that belongs to it: 320 ms. */
const BEFORE_SPEECH_CHARS = 16 * PIECE_CHARS
/** Most that is kept of speech: ten seconds. */
const MAX_SPEECH_CHARS = 500 * PIECE_CHARS

export class RecentAudio {
  #pieces: string[] = []
  #chars = 0
  #mostChars = BEFORE_SPEECH_CHARS

  /** Adds a piece of mu-law in Base64. Of quiet the last 320 ms are kept, of speech the last ten seconds. */
  add(payload: string): void {
    if (payload.length <= BEFORE_SPEECH_CHARS) return this.#add(payload)
    for (let at = 0; at < payload.length; at += BEFORE_SPEECH_CHARS) {
      this.#add(payload.slice(at, at + BEFORE_SPEECH_CHARS))
    }
  }

  /** Speech has begun just now. Without effect while it continues. */
  beginSpeech(): void {
    this.#mostChars = MAX_SPEECH_CHARS
  }

  /** The speech need not be kept. */
  endSpeech(): void {
    this.#mostChars = BEFORE_SPEECH_CHARS
    this.#drop()
  }

  /** Returns the speech that has not ended, in its pieces, and forgets everything. */
  take(): string[] {
    const pieces = this.#mostChars === MAX_SPEECH_CHARS ? this.#pieces : []
    this.#pieces = []
    this.#chars = 0
    this.#mostChars = BEFORE_SPEECH_CHARS
    return pieces
  }

  #add(payload: string): void {
    this.#pieces.push(payload)
    this.#chars += payload.length
    if (this.#chars > this.#mostChars) this.#drop()
  }

  #drop(): void {
    let dropped = 0
    while (this.#chars > this.#mostChars) {
      this.#chars -= this.#pieces[dropped]?.length ?? 0
      dropped += 1
    }
    if (dropped === 1) this.#pieces.shift()
    else if (dropped > 1) this.#pieces.splice(0, dropped)
  }
}
