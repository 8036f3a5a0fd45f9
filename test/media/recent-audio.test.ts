/** How much of a caller's newest audio is kept, and that all of it comes out as it went in. */

import { expect, test } from "bun:test"
import { RecentAudio } from "../../src/media/recent-audio.ts"

/** The n-th piece of 20 ms. */
const piece = (n: number) => Buffer.alloc(160, n % 250).toString("base64")

function hearing(count: number, audio = new RecentAudio(), first = 0): RecentAudio {
  for (let n = first; n < first + count; n++) audio.add(piece(n))
  return audio
}

/** The pieces that `take` should return. */
const pieces = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => piece(first + index))

test("speech is returned with the 320 ms before it, in pieces of 20 ms", () => {
  const audio = hearing(100)
  audio.beginSpeech()
  hearing(30, audio, 100)
  expect(audio.take()).toEqual(pieces(84, 129))
})

test("nothing is returned of quiet, nor of speech that has ended, nor twice", () => {
  const audio = hearing(100)
  expect(audio.take()).toEqual([])
  hearing(100, audio).beginSpeech()
  audio.endSpeech()
  expect(audio.take()).toEqual([])
  hearing(3, audio).beginSpeech()
  expect({ first: audio.take(), second: audio.take() }).toEqual({ first: pieces(0, 2), second: [] })
})

test("speech that begins again continues", () => {
  const audio = hearing(2)
  audio.beginSpeech()
  hearing(100, audio, 2).beginSpeech()
  expect(audio.take()).toEqual(pieces(0, 101))
})

test("of speech without an end no more than the last ten seconds are kept", () => {
  const audio = hearing(1)
  audio.beginSpeech()
  const kept = hearing(20_000, audio, 1).take()
  expect(kept).toEqual(pieces(20_001 - kept.length, 20_000))
  expect(kept.length).toBeWithin(475, 501)
})

test("pieces of every length are kept whole", () => {
  const audio = new RecentAudio()
  const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, at) => (at * 7) % 251))
  audio.beginSpeech()
  for (let at = 0, length = 1; at < bytes.length; at += length, length = length * 3 + 1) {
    audio.add(bytes.subarray(at, at + length).toString("base64"))
  }
  const kept = Buffer.concat(audio.take().map((accepted) => Buffer.from(accepted, "base64")))
  expect(kept.equals(bytes)).toBeTrue()
})

test("one piece may be longer than everything that is kept", () => {
  const audio = hearing(1)
  audio.add(Buffer.alloc(100_000, 1).toString("base64"))
  audio.beginSpeech()
  audio.add(Buffer.alloc(100_000, 2).toString("base64"))
  const kept = Buffer.concat(audio.take().map((piece) => Buffer.from(piece, "base64")))
  expect(kept.length).toBeWithin(70_000, 82_000)
  expect(new Set(kept)).toEqual(new Set([2]))
})
