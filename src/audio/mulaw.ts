/** G.711 mu-law, the audio format of a phone line: one byte for each sample, 8,000 of them a second. Pure tables. */

/** Samples in a second on both sides of a media stream. (Twilio: "Media Streams: WebSocket messages".) */
export const MULAW_RATE_HZ = 8_000
export const MULAW_BYTES_PER_MS = 8
/** The byte of silence. 0x00 is a loud extreme value. */
export const MULAW_SILENCE = 0xff

const BIAS = 0x84
const CLIP = 32_635

/** The linear sample of each byte. (ITU-T G.711, table 2a, in 16 bits.) */
const DECODED = Int16Array.from({ length: 256 }, (_, byte) => decodeByte(byte))
/** The byte of each linear sample, read by the sample's 16 bits as an unsigned number. */
const ENCODED = encodeTable()

/** 16-bit samples of mu-law bytes, one for each. */
export function decodeMulaw(bytes: Uint8Array): Int16Array<ArrayBuffer> {
  const samples = new Int16Array(bytes.length)
  for (let at = 0; at < bytes.length; at++) samples[at] = DECODED[bytes[at] ?? MULAW_SILENCE] ?? 0
  return samples
}

/** The same into samples that exist, from `at` on. */
export function decodeMulawInto(samples: Int16Array, at: number, bytes: Uint8Array): void {
  for (let index = 0; index < bytes.length; index++)
    samples[at + index] = DECODED[bytes[index] ?? MULAW_SILENCE] ?? 0
}

/** Mu-law bytes of 16-bit samples, one for each. Decoding and encoding again gives the same bytes, but for 0x7f → 0xff. */
export function encodeMulaw(samples: Int16Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(samples.length)
  for (let at = 0; at < samples.length; at++)
    bytes[at] = ENCODED[(samples[at] ?? 0) & 0xffff] ?? MULAW_SILENCE
  return bytes
}

/** Duration of mu-law in base64, in milliseconds, computed from its length alone. Wrong base64 gives a wrong number, never an error. */
export function base64Ms(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding) / MULAW_BYTES_PER_MS
}

/** So many milliseconds of silence. */
export function silence(ms: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Math.round(ms * MULAW_BYTES_PER_MS)).fill(MULAW_SILENCE)
}

/** A loop: `from` with a function takes milliseconds of the start. */
function encodeTable(): Uint8Array {
  const table = new Uint8Array(65_536)
  for (let bits = 0; bits < table.length; bits++) {
    table[bits] = encodeSample(bits > 32_767 ? bits - 65_536 : bits)
  }
  return table
}

function decodeByte(byte: number): number {
  const bits = ~byte & 0xff
  const magnitude = ((((bits & 0x0f) << 3) + BIAS) << ((bits >> 4) & 0x07)) - BIAS
  return bits & 0x80 ? -magnitude : magnitude
}

function encodeSample(sample: number): number {
  const magnitude = Math.min(CLIP, Math.abs(sample)) + BIAS
  const exponent = 31 - Math.clz32(magnitude) - 7
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff
}
