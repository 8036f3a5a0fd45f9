/**
 * Text as sound: the modem of Bell 202 (1,200 bits a second, 1200 Hz for 1 and 2200 Hz for 0, one start and one stop bit),
 * which survives mu-law. For simulated callers only: real calls carry no such sound.
 */

import { decodeMulaw, encodeMulaw, MULAW_RATE_HZ } from "./mulaw.ts"

const BAUD = 1_200
const SAMPLES_PER_BIT = MULAW_RATE_HZ / BAUD
const MARK_HZ = 1_200
const SPACE_HZ = 2_200
const AMPLITUDE = 8_000
/** The line is at mark before the first byte, so that the receiver finds the first start bit. */
const LEAD_BITS = 120
const TAIL_BITS = 12
const START = 0x02
const END = 0x03
const START_BIT = -1
/** Longest text in bytes. */
const MAX_TEXT_BYTES = 2_000

/** A text as mu-law 8 kHz: about 8 ms for a character. Beyond 2,000 bytes it is cut. */
export function textToSound(text: string): Uint8Array<ArrayBuffer> {
  const payload = new TextEncoder().encode(text).subarray(0, MAX_TEXT_BYTES)
  const bytes = [START, ...payload, END, checksum(payload)]
  const bits = [
    ...Array.from({ length: LEAD_BITS }, () => 1),
    ...bytes.flatMap((byte) => [0, ...Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1), 1]),
    ...Array.from({ length: TAIL_BITS }, () => 1),
  ]
  const samples = new Int16Array(Math.ceil(bits.length * SAMPLES_PER_BIT))
  let phase = 0
  for (let at = 0; at < samples.length; at++) {
    const bit = bits[Math.floor(at / SAMPLES_PER_BIT)] ?? 1
    phase += (2 * Math.PI * (bit === 1 ? MARK_HZ : SPACE_HZ)) / MULAW_RATE_HZ
    samples[at] = Math.round(AMPLITUDE * Math.sin(phase))
  }
  return encodeMulaw(samples)
}

/** Finds such texts in audio. Costs about 2 ms for a second of it. */
export class SoundReader {
  readonly #mark = new Correlator(MARK_HZ)
  readonly #space = new Correlator(SPACE_HZ)
  /** Samples until the next bit is read; undefined between bytes. */
  #nextBitIn: number | undefined
  #bits = 0
  #byte = 0
  #wasMark = false
  /** Bytes since the start of a text; undefined outside of one. */
  #bytes: number[] | undefined

  /** Takes mu-law of any length; returns the texts that end in it. A damaged one is not returned. */
  push(audio: Uint8Array): string[] {
    const texts: string[] = []
    for (const sample of decodeMulaw(audio)) {
      const isMark = this.#mark.power(sample) > this.#space.power(sample)
      const byte = this.#sample(isMark)
      const text = byte === undefined ? undefined : this.#take(byte)
      if (text !== undefined) texts.push(text)
    }
    return texts
  }

  /** Returns a byte when its last bit has come. */
  #sample(isMark: boolean): number | undefined {
    const isStart = this.#wasMark && !isMark
    this.#wasMark = isMark
    if (this.#nextBitIn === undefined) {
      if (isStart) this.#nextBitIn = SAMPLES_PER_BIT / 2
      this.#bits = START_BIT
      this.#byte = 0
      return undefined
    }
    this.#nextBitIn -= 1
    if (this.#nextBitIn > 0) return undefined
    this.#nextBitIn += SAMPLES_PER_BIT
    if (this.#bits === START_BIT) {
      // A short dip is noise.
      if (isMark) this.#nextBitIn = undefined
      this.#bits = 0
      return undefined
    }
    if (this.#bits < 8) {
      this.#byte |= isMark ? 1 << this.#bits : 0
      this.#bits += 1
      return undefined
    }
    this.#nextBitIn = undefined
    // Without its stop bit it was no byte.
    return isMark ? this.#byte : undefined
  }

  #take(byte: number): string | undefined {
    if (byte === START && this.#bytes?.at(-1) !== END) {
      this.#bytes = []
      return undefined
    }
    const bytes = this.#bytes
    if (!bytes) return undefined
    if (bytes.at(-1) === END) {
      this.#bytes = undefined
      const payload = Uint8Array.from(bytes.slice(0, -1))
      return checksum(payload) === byte ? new TextDecoder().decode(payload) : undefined
    }
    bytes.push(byte)
    if (bytes.length > MAX_TEXT_BYTES + 1) this.#bytes = undefined
    return undefined
  }
}

/** The power of one pitch in the last bit of a signal. */
class Correlator {
  readonly #length = Math.round(SAMPLES_PER_BIT)
  readonly #step: number
  readonly #cosines = new Float64Array(this.#length)
  readonly #sines = new Float64Array(this.#length)
  #at = 0
  #phase = 0
  #cosine = 0
  #sine = 0

  constructor(hz: number) {
    this.#step = (2 * Math.PI * hz) / MULAW_RATE_HZ
  }

  power(sample: number): number {
    const cosine = sample * Math.cos(this.#phase)
    const sine = sample * Math.sin(this.#phase)
    this.#phase = (this.#phase + this.#step) % (2 * Math.PI)
    this.#cosine += cosine - (this.#cosines[this.#at] ?? 0)
    this.#sine += sine - (this.#sines[this.#at] ?? 0)
    this.#cosines[this.#at] = cosine
    this.#sines[this.#at] = sine
    this.#at = (this.#at + 1) % this.#length
    return this.#cosine ** 2 + this.#sine ** 2
  }
}

/** The two's complement of the sum of the bytes, as in caller id. */
function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff
}
