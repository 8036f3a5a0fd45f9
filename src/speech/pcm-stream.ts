/**
 * Turns a byte stream of 16-bit mono PCM, with or without a WAV header, into mu-law 8 kHz. Pieces may end anywhere, also
 * in the middle of a sample. (OpenAI "Text to speech": `pcm` is little-endian at 24 kHz.)
 */

import { encodeMulaw, MULAW_RATE_HZ } from "../audio/mulaw.ts"
import { Resampler } from "../audio/resample.ts"
import { SpeechError } from "./failure.ts"

const MAX_HEADER_BYTES = 4_096
/** A header of a WAV is at least so long. */
const MIN_HEADER_BYTES = 44

export class PcmStream {
  #rateHz: number
  #resampler: Resampler | undefined
  /** Bytes of a header that is not complete, or one odd byte. */
  #rest: Uint8Array = new Uint8Array(0)
  #isHeader = true

  /** `rateHz`: of samples without a header, which has its own. */
  constructor(rateHz: number) {
    this.#rateHz = rateHz
  }

  /** The mu-law that is certain by now. Throws `SpeechError` for a WAV of another kind. */
  push(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    let all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    this.#rest = new Uint8Array(0)
    if (this.#isHeader) {
      const start = this.#headerEnd(all)
      if (start === undefined) {
        this.#rest = all
        return new Uint8Array(0)
      }
      this.#isHeader = false
      all = all.subarray(start)
    }
    const whole = all.length - (all.length % 2)
    if (whole < all.length) this.#rest = all.slice(whole)
    return this.#convert(samplesOf(all, whole))
  }

  /** The rest. Nothing may be pushed after it. */
  flush(): Uint8Array<ArrayBuffer> {
    return this.#resampler ? encodeMulaw(this.#resampler.flush()) : new Uint8Array(0)
  }

  #convert(samples: Int16Array): Uint8Array<ArrayBuffer> {
    if (this.#rateHz === MULAW_RATE_HZ) return encodeMulaw(samples)
    this.#resampler ??= new Resampler({ fromHz: this.#rateHz, toHz: MULAW_RATE_HZ })
    return encodeMulaw(this.#resampler.push(samples))
  }

  /** Where samples begin; undefined while that is not certain. The sizes in the header of a stream cannot be trusted. */
  #headerEnd(bytes: Uint8Array): number | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const tag = (at: number) => String.fromCharCode(...bytes.subarray(at, at + 4))
    if (!"RIFF".startsWith(tag(0))) return 0
    if (bytes.length < MIN_HEADER_BYTES) return undefined
    for (let at = 12; at + 8 <= bytes.length && at < MAX_HEADER_BYTES;) {
      if (tag(at) === "data") return at + 8
      if (tag(at) === "fmt " && at + 24 <= bytes.length) this.#readFormat(view, at + 8)
      const size = view.getUint32(at + 4, true)
      at += 8 + size + (size % 2)
    }
    if (bytes.length < MAX_HEADER_BYTES) return undefined
    throw unreadable("the WAV has no data")
  }

  #readFormat(view: DataView, at: number): void {
    const [channels, bits] = [view.getUint16(at + 2, true), view.getUint16(at + 14, true)]
    if (channels !== 1 || bits !== 16) throw unreadable(`WAV with ${channels} channels of ${bits} bits`)
    this.#rateHz = view.getUint32(at + 4, true)
  }
}

function samplesOf(bytes: Uint8Array, length: number): Int16Array {
  // A typed array needs an even offset.
  const even = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice()
  return new Int16Array(even.buffer, even.byteOffset, length / 2)
}

function unreadable(message: string): SpeechError {
  return new SpeechError({ reason: "malformed", retryable: false, status: null, message })
}
