/**
 * The newest audio of a caller, in case it must be sent once more. Copies the bytes: a string that is kept would hold the
 * whole frame it was cut from, and strings that live for a moment are expensive garbage.
 */

import { MULAW_BYTES_PER_MS } from "../audio/mulaw.ts"

/** Audio from before the noticed start of speech that belongs to it. */
const BEFORE_SPEECH_BYTES = 320 * MULAW_BYTES_PER_MS
/** Most that is kept of speech. */
const MAX_SPEECH_BYTES = 10_000 * MULAW_BYTES_PER_MS
/** Speech beyond the maximum is dropped in steps, so that the rest is not moved for every piece. */
const DROPPED_SPEECH_BYTES = 500 * MULAW_BYTES_PER_MS
/** Room for two times what is kept during silence: it is moved to the front once in 320 ms. */
const QUIET_CAPACITY = 2 * BEFORE_SPEECH_BYTES
/** Longest piece that is added at once, in characters of Base64: at most as long as what is kept of quiet. */
const MAX_CHARS = Math.floor(BEFORE_SPEECH_BYTES / 3) * 4
/** Length of the pieces in which speech is returned, as Twilio sends them: 20 ms. */
const PIECE_BYTES = 20 * MULAW_BYTES_PER_MS

export class RecentAudio {
  #bytes = Buffer.allocUnsafeSlow(QUIET_CAPACITY)
  #length = 0
  #isSpeech = false

  /** Adds a piece of mu-law in Base64. Of quiet the last 320 ms are kept, of speech the last ten seconds or a little less. */
  add(payload: string): void {
    if (payload.length <= MAX_CHARS) return this.#add(payload)
    for (let at = 0; at < payload.length; at += MAX_CHARS) this.#add(payload.slice(at, at + MAX_CHARS))
  }

  /** Speech has begun just now. Without effect while it continues. */
  beginSpeech(): void {
    if (this.#isSpeech) return
    this.#keepLast(BEFORE_SPEECH_BYTES)
    this.#isSpeech = true
  }

  /** The speech need not be kept. */
  endSpeech(): void {
    if (!this.#isSpeech) return
    this.#isSpeech = false
    this.#keepLast(BEFORE_SPEECH_BYTES)
    if (this.#bytes.length > QUIET_CAPACITY) this.#resize(QUIET_CAPACITY)
  }

  /** Returns the speech that has not ended, in Base64 in pieces of 20 ms, and forgets everything. */
  take(): string[] {
    const pieces: string[] = []
    const end = this.#isSpeech ? this.#length : 0
    for (let at = 0; at < end; at += PIECE_BYTES) {
      pieces.push(this.#bytes.toString("base64", at, Math.min(at + PIECE_BYTES, end)))
    }
    this.#length = 0
    this.endSpeech()
    return pieces
  }

  #add(payload: string): void {
    if (this.#length + payload.length > this.#bytes.length) this.#makeRoom()
    this.#length += this.#bytes.write(payload, this.#length, "base64")
  }

  #makeRoom(): void {
    if (!this.#isSpeech) this.#keepLast(BEFORE_SPEECH_BYTES)
    else if (this.#bytes.length < MAX_SPEECH_BYTES) {
      this.#resize(Math.min(this.#bytes.length * 2, MAX_SPEECH_BYTES))
    } else this.#keepLast(MAX_SPEECH_BYTES - DROPPED_SPEECH_BYTES)
  }

  #keepLast(bytes: number): void {
    if (this.#length <= bytes) return
    this.#bytes.copyWithin(0, this.#length - bytes, this.#length)
    this.#length = bytes
  }

  #resize(capacity: number): void {
    const bytes = Buffer.allocUnsafeSlow(capacity)
    this.#bytes.copy(bytes, 0, 0, this.#length)
    this.#bytes = bytes
  }
}
