/** A WAV of a simulated call: the caller on the left, what the caller heard on the right. */

import { closeSync, openSync, writeSync } from "node:fs"
import { decodeMulaw, MULAW_RATE_HZ, MULAW_SILENCE } from "../../audio/mulaw.ts"
import { StereoWav } from "../../audio/wav.ts"

/** Written a second at a time. */
const BLOCK = MULAW_RATE_HZ

export class CallRecording {
  readonly #file: number
  readonly #wav: StereoWav
  readonly #said = new Track()
  readonly #heard = new Track()
  #open = true

  /** Replaces the file. Throws where it cannot be written. */
  constructor(path: string) {
    const file = openSync(path, "w")
    this.#file = file
    this.#wav = new StereoWav(
      { writeAt: (bytes, offset) => void writeSync(file, bytes, 0, bytes.length, offset) },
      MULAW_RATE_HZ,
    )
  }

  /** Mu-law from the caller. */
  said(audio: Uint8Array): void {
    this.#said.add(audio)
    this.#write(BLOCK)
  }

  /** Mu-law to the caller; a number is so many samples of silence. */
  heard(audio: Uint8Array | number): void {
    this.#heard.add(audio)
    this.#write(BLOCK)
  }

  /** Aligns both sides: pads the shorter one with silence. */
  align(): void {
    const gap = this.#said.length - this.#heard.length
    if (gap > 0) this.#heard.add(gap)
    else this.#said.add(-gap)
    this.#write(1)
  }

  /** Closes the file. Closing twice is harmless. */
  close(): void {
    if (!this.#open) return
    this.align()
    this.#open = false
    this.#wav.finish()
    closeSync(this.#file)
  }

  #write(least: number): void {
    const count = Math.min(this.#said.length, this.#heard.length)
    if (!this.#open || count < least) return
    this.#wav.append(decodeMulaw(this.#said.take(count)), decodeMulaw(this.#heard.take(count)))
  }
}

/** One side, as far as it waits for the other. */
class Track {
  #pieces: Uint8Array[] = []
  length = 0

  add(audio: Uint8Array | number): void {
    const bytes = typeof audio === "number" ? new Uint8Array(audio).fill(MULAW_SILENCE) : audio
    if (bytes.length === 0) return
    this.#pieces.push(bytes)
    this.length += bytes.length
  }

  take(count: number): Uint8Array {
    const all = Buffer.concat(this.#pieces)
    this.#pieces = count < all.length ? [all.subarray(count)] : []
    this.length = all.length - count
    return all.subarray(0, count)
  }
}
