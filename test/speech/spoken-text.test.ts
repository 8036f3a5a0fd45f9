/** Text against audio: what was spoken by which millisecond. */

import { expect, test } from "bun:test"
import { SpokenText } from "../../src/speech/spoken-text.ts"

const TEXT = "One two three. Four five six."

function spoken(...positions: readonly (readonly [number, number])[]) {
  const text = new SpokenText({ msPerCharacter: 10 })
  text.add(TEXT.slice(0, 15))
  text.add(TEXT.slice(15))
  for (const [chars, ms] of positions) text.position(chars, ms)
  return text
}

test.each([
  ["nothing at the beginning", [], 0, ""],
  ["a word that was begun does not count", [], 60, "One"],
  ["a whole word counts at its end", [], 70, "One two"],
  ["behind the last position, the pace is the given one", [[15, 1_000]], 1_040, "One two three. Four"],
  ["between two positions, speech runs evenly", [[15, 1_500]], 700, "One two"],
  [
    "at a position it is exact",
    [
      [4, 800],
      [8, 900],
    ],
    800,
    "One",
  ],
  ["the end is the whole text", [[29, 900]], 900, TEXT],
  ["beyond the end it is the whole text", [], 100_000, TEXT],
  [
    "a position that goes back is ignored",
    [
      [15, 1_000],
      [8, 2_000],
      [20, 900],
    ],
    1_000,
    "One two three.",
  ],
] as const)("%s", (_, positions, ms, expected) => {
  expect(spoken(...positions).until(ms)).toBe(expected)
})

test("it knows whether the whole text has positions", () => {
  expect(spoken([15, 100]).isKnown).toBe(false)
  expect(spoken([15, 100], [29, 200]).isKnown).toBe(true)
})

test("scripts without blanks are cut where the audio stopped", () => {
  const text = new SpokenText({ msPerCharacter: 100 })
  text.add("こんにちは")
  expect(text.until(300)).toBe("こんに")
})
