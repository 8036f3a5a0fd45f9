/** WAV files: reads speech of the usual kinds, writes two tracks of it piece by piece. Knows no file system. */

import { AppError } from "../lib/errors.ts"
import { decodeMulaw } from "./mulaw.ts"

export type WavAudio = {
  sampleRateHz: number
  /** One channel; two are mixed. */
  samples: Int16Array<ArrayBuffer>
}

const PCM = 1
const FLOAT = 3
const MULAW = 7
/** The format is in the extension, at the start of its sub-format. */
const EXTENSIBLE = 0xfffe
const HEADER_BYTES = 44
/** The largest data size that the header's 32-bit length can express. */
const MOST_DATA_BYTES = 0xffff_ffff - HEADER_BYTES

type Format = { kind: number; channels: number; sampleRateHz: number; bits: number }

/** Whether the bytes begin as a WAV file does. */
export function isWav(bytes: Uint8Array): boolean {
  return bytes.length >= 12 && tagAt(viewOf(bytes), 0) === "RIFF" && tagAt(viewOf(bytes), 8) === "WAVE"
}

/**
 * Reads 16-bit PCM, mu-law or 32-bit float, mono or stereo, at 4 to 192 kHz. Data that is cut short, or whose length was
 * never filled in, is read as far as it goes. Throws `AppError` INVALID_REQUEST for everything else.
 */
export function readWav(bytes: Uint8Array): WavAudio {
  if (!isWav(bytes)) throw invalid("is not a WAV file")
  const view = viewOf(bytes)
  let format: Format | undefined
  for (let at = 12; at + 8 <= bytes.length;) {
    const tag = tagAt(view, at)
    const body = at + 8
    const end = Math.min(bytes.length, body + view.getUint32(at + 4, true))
    if (tag === "fmt ") format = formatOf(view, body, end)
    if (tag === "data") {
      if (!format) throw invalid("has no format before its data")
      // The length of a file that was written as a stream is zero.
      return samplesOf(bytes.subarray(body, end === body ? bytes.length : end), format)
    }
    // Chunks begin at even places.
    at = end + (end % 2)
  }
  throw invalid("has no data")
}

/** Where a WAV is written: at the end, and once more over its header. */
export interface WavSink {
  writeAt(bytes: Uint8Array, offset: number): void
}

/** Writes two tracks side by side in 16 bits. The file can be read at any time; `finish` writes its length. */
export class StereoWav {
  readonly #sink: WavSink
  readonly #sampleRateHz: number
  #dataBytes = 0
  #finished = false

  constructor(sink: WavSink, sampleRateHz: number) {
    this.#sink = sink
    this.#sampleRateHz = sampleRateHz
    sink.writeAt(header(sampleRateHz, MOST_DATA_BYTES), 0)
  }

  /** Adds equally many samples to both tracks. Throws `AppError` TOO_LARGE past 4 GB: 37 hours of a phone call. */
  append(left: Int16Array, right: Int16Array): void {
    if (this.#finished) return
    const bytes = new Uint8Array(left.length * 4)
    if (this.#dataBytes + bytes.length > MOST_DATA_BYTES) {
      throw new AppError("TOO_LARGE", "a WAV file holds 4 GB at most")
    }
    const view = viewOf(bytes)
    for (let at = 0; at < left.length; at++) {
      view.setInt16(at * 4, left[at] ?? 0, true)
      view.setInt16(at * 4 + 2, right[at] ?? 0, true)
    }
    this.#sink.writeAt(bytes, HEADER_BYTES + this.#dataBytes)
    this.#dataBytes += bytes.length
  }

  /** Writes the true length. Nothing can be added after it; finishing twice is harmless. */
  finish(): void {
    if (this.#finished) return
    this.#finished = true
    this.#sink.writeAt(header(this.#sampleRateHz, this.#dataBytes), 0)
  }
}

/** A whole file of one channel in 16 bits. */
export function monoWav({ samples, sampleRateHz }: WavAudio): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(HEADER_BYTES + samples.length * 2)
  file.set(header(sampleRateHz, samples.length * 2, 1))
  const view = viewOf(file)
  for (const [at, sample] of samples.entries()) view.setInt16(HEADER_BYTES + at * 2, sample, true)
  return file
}

function formatOf(view: DataView, at: number, end: number): Format {
  if (end - at < 16) throw invalid("has a format that is cut short")
  const kind = view.getUint16(at, true)
  if (kind === EXTENSIBLE && end - at < 26) throw invalid("has a format that is cut short")
  const format = {
    kind: kind === EXTENSIBLE ? view.getUint16(at + 24, true) : kind,
    channels: view.getUint16(at + 2, true),
    sampleRateHz: view.getUint32(at + 4, true),
    bits: view.getUint16(at + 14, true),
  }
  if (format.channels !== 1 && format.channels !== 2) throw invalid("must have one channel or two")
  if (format.sampleRateHz < 4_000 || format.sampleRateHz > 192_000) throw invalid("must be at 4 to 192 kHz")
  return format
}

function samplesOf(data: Uint8Array, { kind, channels, sampleRateHz, bits }: Format): WavAudio {
  const all = decode(data, kind, bits)
  if (channels === 1) return { sampleRateHz, samples: all }
  const samples = new Int16Array(Math.floor(all.length / 2))
  for (let at = 0; at < samples.length; at++) {
    samples[at] = Math.round(((all[2 * at] ?? 0) + (all[2 * at + 1] ?? 0)) / 2)
  }
  return { sampleRateHz, samples }
}

function decode(data: Uint8Array, kind: number, bits: number): Int16Array<ArrayBuffer> {
  const view = viewOf(data)
  if (kind === MULAW && bits === 8) return decodeMulaw(data)
  if (kind === PCM && bits === 16) {
    return Int16Array.from({ length: Math.floor(data.length / 2) }, (_, at) => view.getInt16(at * 2, true))
  }
  if (kind === FLOAT && bits === 32) {
    return Int16Array.from({ length: Math.floor(data.length / 4) }, (_, at) =>
      Math.round(Math.max(-1, Math.min(1, view.getFloat32(at * 4, true))) * 32_767),
    )
  }
  throw invalid("must hold 16-bit PCM, mu-law or 32-bit float")
}

function header(sampleRateHz: number, dataBytes: number, channels = 2): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES)
  const view = viewOf(bytes)
  const text = (at: number, tag: string) => bytes.set(new TextEncoder().encode(tag), at)
  text(0, "RIFF")
  view.setUint32(4, HEADER_BYTES - 8 + dataBytes, true)
  text(8, "WAVEfmt ")
  view.setUint32(16, 16, true)
  view.setUint16(20, PCM, true)
  view.setUint16(22, channels, true)
  view.setUint32(24, sampleRateHz, true)
  view.setUint32(28, sampleRateHz * channels * 2, true)
  view.setUint16(32, channels * 2, true)
  view.setUint16(34, 16, true)
  text(36, "data")
  view.setUint32(40, dataBytes, true)
  return bytes
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function tagAt(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((step) => view.getUint8(at + step)))
}

function invalid(fault: string): AppError {
  return new AppError("INVALID_REQUEST", `the audio ${fault}`)
}
