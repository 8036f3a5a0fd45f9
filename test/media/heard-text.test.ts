import { expect, test } from "bun:test"
import { heardText } from "../../src/media/heard-text.ts"

test.each([
  ["everything", "One two three", 1, "One two three"],
  ["more than everything", "One two three", 1.4, "One two three"],
  ["nothing", "One two three", 0, ""],
  ["a negative part", "One two three", -1, ""],
  ["no number", "One two three", Number.NaN, ""],
  ["a word that was begun is not heard", "One two three", 0.6, "One two"],
  ["the end of a word", "One two three", 0.54, "One two"],
  ["the only word", "Hello", 0.9, ""],
  ["a script without spaces", "こんにちは世界です", 0.6, "こんにちは"],
  ["no text", "", 0.5, ""],
])("%s", (_, text, share, expected) => expect(heardText(text, share)).toBe(expected))
