/** How much of what a caller says is kept, and that it comes out as it went in. */

import { expect, test } from "bun:test"
import { UnconfirmedSpeech } from "../../src/media/unconfirmed-speech.ts"

/** The n-th piece of 20 ms. */
const piece = (n: number) => Buffer.alloc(160, n % 250).toString("base64")
const pieces = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => piece(first + index))

test("all pieces come out in their order, once", () => {
  const speech = new UnconfirmedSpeech()
  for (const one of pieces(0, 99)) speech.add(one)
  expect(speech.take()).toEqual(pieces(0, 99))
  expect(speech.take()).toEqual([])
})

test("of speech without an end about the last ten seconds are kept", () => {
  const speech = new UnconfirmedSpeech()
  for (let n = 0; n < 20_000; n++) speech.add(piece(n))
  const kept = speech.take()
  expect(kept.length).toBeWithin(470, 501)
  expect(kept).toEqual(pieces(20_000 - kept.length, 19_999))
})

test("a piece that is longer than everything that may be kept is not kept", () => {
  const speech = new UnconfirmedSpeech()
  speech.add("A".repeat(200_000))
  expect(speech.take()).toEqual([])
})
