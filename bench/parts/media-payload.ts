/** Audio that carries its time, its call and its number: the mark is part of the base64. Pure. */

import { sinceStamp, stampOf } from "./wall-clock.ts"

export type Mark = { latencyMs: number; call: number; piece: number }

/** Whole triples of bytes, so that what follows stays valid base64. */
const MARK_LENGTH = 16
const MULAW_BYTES_PER_MS = 8

/** `lengthMs` of silence in mu-law, with the moment, the call and the number of the piece in its first 12 bytes. */
export function payloadOf(lengthMs: number): (atMs: number, call: number, piece: number) => string {
  const silence = Buffer.alloc(lengthMs * MULAW_BYTES_PER_MS, 0xff).toString("base64")
  const rest = silence.slice(MARK_LENGTH)
  return (atMs, call, piece) => stampOf(atMs) + digits(call, 4) + digits(piece, 6) + rest
}

/** The mark of a payload that begins at `from` in a frame; undefined for audio that has none. */
export function markAt(text: string, from: number, atMs: number): Mark | undefined {
  const latencyMs = sinceStamp(text.slice(from, from + 6), atMs)
  if (latencyMs === undefined) return undefined
  return {
    latencyMs,
    call: Number.parseInt(text.slice(from + 6, from + 10), 36),
    piece: Number.parseInt(text.slice(from + 10, from + MARK_LENGTH), 36),
  }
}

function digits(value: number, width: number): string {
  return value.toString(36).padStart(width, "0")
}
