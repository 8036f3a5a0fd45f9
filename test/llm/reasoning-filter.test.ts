import { describe, expect, test } from "bun:test"
import { SpokenFilter } from "../../src/llm/reasoning-filter.ts"

function spoken(pieces: readonly string[]): string {
  const filter = new SpokenFilter()
  return pieces.map((piece) => filter.push(piece)).join("") + filter.flush()
}

const CASES = [
  ["plain text passes", "Two is < three, a <b> c", "Two is < three, a <b> c"],
  ["reasoning is left out", "<think>hm</think>Hello", "Hello"],
  ["white space around it too", " \n<think>hm</think>\n\n Hello ", "Hello "],
  ["reasoning in the middle", "One <think>hm</think>two", "One two"],
  ["the longer tag", "<thinking>a < b</thinking>Hello", "Hello"],
  ["capital letters", "<THINK>hm</Think>Hello", "Hello"],
  ["a tag within reasoning", "<think>a <think> b</think>Hello", "Hello"],
  ["an end without a beginning is not spoken", "Hello</think> there", "Hello there"],
  ["reasoning without an end", "Hello<think>hm", "Hello"],
  ["a beginning that is none", "Hello <thin", "Hello <thin"],
  ["many brackets", "a<<<<think>x</think>b", "a<<<b"],
  ["nothing", "", ""],
] as const

test.each(CASES)("%s", (_, text, expected) => expect(spoken([text])).toBe(expected))

describe("cut into single characters", () => {
  test.each(CASES)("%s", (_, text, expected) => expect(spoken(text.split(""))).toBe(expected))
})

test("what cannot be a tag is not held back", () => {
  const filter = new SpokenFilter()
  expect([filter.push("Hello"), filter.push(" <"), filter.push("b> there"), filter.flush()]).toEqual([
    "Hello",
    " ",
    "<b> there",
    "",
  ])
})
