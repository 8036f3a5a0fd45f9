/** The part of a transcript that was heard. */

import { expect, test } from "bun:test"
import { heardText } from "../../src/media/heard-text.ts"

const TEXT = "Hello, this is Parley. How are you?"

test.each([
  ["nothing was heard", TEXT, 0, 1_000, ""],
  ["nothing was sent", TEXT, 0, 0, ""],
  ["a time below zero", TEXT, -5, 1_000, ""],
  ["all was heard", ` ${TEXT} `, 1_000, 1_000, TEXT],
  ["more than all", TEXT, 2_000, 1_000, TEXT],
  ["half a word is none", TEXT, 100, 1_000, ""],
  ["a word with its comma", TEXT, 150, 1_000, "Hello,"],
  ["a word that is being said is left out", TEXT, 400, 1_000, "Hello, this is"],
  ["the end of a sentence", TEXT, 630, 1_000, "Hello, this is Parley."],
  ["the last word is missing", TEXT, 960, 1_000, "Hello, this is Parley. How are"],
  ["an apostrophe parts no word", "I don't know", 500, 1_000, "I"],
  ["a mark before the first word", "“Yes,” she said", 500, 1_000, "“Yes,”"],
  ["a script without spaces", "今日は天気がいいです", 600, 1_000, "今日は天気が"],
  ["letters of two units are never cut in two", "😀😀 yes", 300, 1_000, ""],
  ["no transcript", "", 500, 1_000, ""],
] as const)("%s", (_, text, heardMs, sentMs, heard) => expect(heardText(text, heardMs, sentMs)).toBe(heard))

test("the later the cut, the more was heard", () => {
  const lengths = Array.from({ length: 101 }, (_, percent) => heardText(TEXT, percent, 100).length)
  expect(lengths).toEqual(lengths.toSorted((a, b) => a - b))
})
