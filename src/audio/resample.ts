/**
 * Changes the rate of 16-bit mono samples by a windowed-sinc filter. Streaming: pieces of any size give the same samples
 * as the whole. Costs one to three milliseconds for a second of speech: on a call only for a vendor without mu-law.
 */

import { AppError } from "../lib/errors.ts"

/** Zero crossings of the filter on each side. More is steeper, and slower. */
const HALF_WIDTH = 12
/** Where the filter begins to fall, as a share of the lower Nyquist frequency. */
const ROLL_OFF = 0.93
const KAISER_BETA = 8
const LEAST_HZ = 4_000
const MOST_HZ = 192_000
/** Rates with less in common would need a table that is too big. 44.1 and 11.025 kHz to and from 8 kHz need up to 441. */
const MOST_PHASES = 1_024

export type Rates = { fromHz: number; toHz: number }

export class Resampler {
  /** The rates as the smallest whole numbers: `#down` samples become `#up`. */
  readonly #up: number
  readonly #down: number
  /** Input samples that one output sample is made of: so many on each side of its place. */
  readonly #side: number
  /** One row of `2 * #side` factors for each fraction of a sample that an output can lie behind an input. */
  readonly #factors: Float64Array
  /** Input that is still needed; it begins `#side - 1` samples before the place of the next output. */
  #held: Int16Array
  /** Position of the next output behind the place of `#held[#side - 1]`, in `1 / #up` of an input sample. */
  #phase = 0
  #received = 0
  #given = 0

  /** Throws `AppError` INVALID_REQUEST for rates outside 4 to 192 kHz, and for a pair with too little in common. */
  constructor({ fromHz, toHz }: Rates) {
    for (const rate of [fromHz, toHz]) {
      if (Number.isInteger(rate) && rate >= LEAST_HZ && rate <= MOST_HZ) continue
      throw new AppError("INVALID_REQUEST", `a sample rate must be between ${LEAST_HZ} and ${MOST_HZ} Hz`)
    }
    const common = greatestCommonDivisor(fromHz, toHz)
    this.#up = toHz / common
    this.#down = fromHz / common
    if (this.#up > MOST_PHASES) {
      throw new AppError("INVALID_REQUEST", `samples at ${fromHz} Hz cannot be brought to ${toHz} Hz`)
    }
    const scale = Math.min(1, toHz / fromHz) * ROLL_OFF
    this.#side = fromHz === toHz ? 1 : Math.ceil(HALF_WIDTH / scale)
    this.#factors = fromHz === toHz ? Float64Array.of(1, 0) : filterBank(this.#up, this.#side, scale)
    this.#held = new Int16Array(this.#side - 1)
  }

  /** The output that is certain after these samples. It lies back by half the filter, under 2 ms of 8 kHz audio. */
  push(samples: Int16Array): Int16Array<ArrayBuffer> {
    this.#received += samples.length
    return this.#run(samples)
  }

  /** The rest, as if silence followed. In all there are as many samples as the duration asks for. Nothing may be pushed after it. */
  flush(): Int16Array<ArrayBuffer> {
    const wanted = Math.ceil((this.#received * this.#up) / this.#down) - this.#given
    return this.#run(new Int16Array(this.#side)).slice(0, Math.max(0, wanted))
  }

  #run(samples: Int16Array): Int16Array<ArrayBuffer> {
    const side = this.#side
    const width = 2 * side
    const input = new Int16Array(this.#held.length + samples.length)
    input.set(this.#held)
    input.set(samples, this.#held.length)
    const output = new Int16Array(
      Math.ceil((Math.max(0, input.length - width + 1) * this.#up) / this.#down) + 1,
    )
    const factors = this.#factors
    let phase = this.#phase
    let from = 0
    let count = 0
    while (from + width <= input.length) {
      const row = phase * width
      let sum = 0
      for (let tap = 0; tap < width; tap++) sum += (factors[row + tap] ?? 0) * (input[from + tap] ?? 0)
      output[count++] = Math.max(-32_768, Math.min(32_767, Math.round(sum)))
      phase += this.#down
      from += Math.floor(phase / this.#up)
      phase %= this.#up
    }
    this.#phase = phase
    this.#given += count
    // The filter is wider than any step, so a step never leads past what has come.
    this.#held = input.slice(from)
    return output.slice(0, count)
  }
}

/** All samples at once. Errors as in `Resampler`. */
export function resample(samples: Int16Array, rates: Rates): Int16Array<ArrayBuffer> {
  const resampler = new Resampler(rates)
  const [body, rest] = [resampler.push(samples), resampler.flush()]
  const output = new Int16Array(body.length + rest.length)
  output.set(body)
  output.set(rest, body.length)
  return output
}

/** A sinc under a Kaiser window, for each fraction of a sample; each row passes a constant signal unchanged. */
function filterBank(rows: number, side: number, scale: number): Float64Array {
  const width = 2 * side
  const factors = new Float64Array(rows * width)
  for (let row = 0; row < rows; row++) {
    let sum = 0
    for (let tap = 0; tap < width; tap++) {
      const distance = tap - (side - 1) - row / rows
      const factor = sinc(distance * scale) * kaiser(distance / side)
      factors[row * width + tap] = factor
      sum += factor
    }
    for (let at = row * width; at < (row + 1) * width; at++) factors[at] = (factors[at] ?? 0) / sum
  }
  return factors
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)
}

function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - x * x)) / bessel(KAISER_BETA)
}

/** The modified Bessel function of order zero. */
function bessel(x: number): number {
  let sum = 1
  let term = 1
  for (let n = 1; term > sum * 1e-9; n++) {
    term *= (x / (2 * n)) ** 2
    sum += term
  }
  return sum
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
