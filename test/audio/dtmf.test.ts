import { expect, test } from "bun:test"
import { dtmfTones } from "../../src/audio/dtmf.ts"
import { decodeMulaw, MULAW_SILENCE } from "../../src/audio/mulaw.ts"

/** How strong a frequency is in the first 100 ms, by the algorithm of Goertzel. */
function strength(audio: Uint8Array, hertz: number): number {
  const samples = decodeMulaw(audio.subarray(0, 800))
  const factor = 2 * Math.cos((2 * Math.PI * hertz) / 8_000)
  let before = 0
  let last = 0
  for (const sample of samples) [before, last] = [last, sample + factor * last - before]
  return last ** 2 + before ** 2 - factor * last * before
}

test.each([
  ["1", 697, 1209],
  ["5", 770, 1336],
  ["#", 941, 1477],
  ["D", 941, 1633],
])("the key %s has the frequencies %d and %d hertz", (key, low, high) => {
  const all = [697, 770, 852, 941, 1209, 1336, 1477, 1633]
  const strongest = all
    .toSorted((a, b) => strength(dtmfTones(key), b) - strength(dtmfTones(key), a))
    .slice(0, 2)
  expect(strongest.toSorted((a, b) => a - b)).toEqual([low, high])
})

test.each([
  ["keys follow each other with a pause", "12", 400],
  ["w is half a second", "1w2", 900],
  ["what is no key is passed over", "1 x2", 400],
  ["nothing is nothing", "", 0],
])("%s", (_, digits, ms) => expect(dtmfTones(digits)).toHaveLength(ms * 8))

test("a tone is followed by silence", () => {
  expect(new Set(dtmfTones("1").subarray(800))).toEqual(new Set([MULAW_SILENCE]))
})
