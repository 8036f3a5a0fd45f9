import { expect, test } from "bun:test"
import { clauseEndAfter, lastClauseEnd, wholeWords, wordEnd } from "../../../src/sim/relay/clauses.ts"

test.each([
  ["a sentence that ends and continues", "Hello there. How", 13],
  ["a point without a space may be part of a number", "It is 3.", 0],
  ["a comma ends a clause", "Yes, of course", 5],
  ["a closing quote belongs to the clause", 'He said "no." Then', 14],
  ["a line end is an end", "one\ntwo", 4],
  ["ideographic marks need no space", "はい。そう", 3],
  ["no mark, no end", "let me check that", 0],
] as const)("what can be spoken before more is here: %s", (_, text, end) =>
  expect(lastClauseEnd(text, 0)).toBe(end),
)

test.each([
  ["the first end", 0, 7],
  ["behind the first", 7, 12],
  ["the limit where there is none", 12, 17],
] as const)("the next end of a clause: %s", (_, position, end) => {
  const text = "Hello, you. There"
  expect(clauseEndAfter(text, position, text.length)).toBe(end)
})

test.each([
  ["inside a word", 8, "Hello"],
  ["at the end of a word", 11, "Hello there"],
  ["in the space", 6, "Hello"],
  ["nothing yet", 3, ""],
  ["all", 17, "Hello there, Anna"],
  ["a rounding error before the end of a word", 4.9999999, "Hello"],
] as const)("whole words: %s", (_, position, heard) =>
  expect(wholeWords("Hello there, Anna", position)).toBe(heard),
)

test("the end of a word, and no end for words that are not there", () => {
  const ends = [1, 2, 3].map((count) => wordEnd(" Hello  there", count))
  expect(ends).toEqual([6, 13, Number.POSITIVE_INFINITY])
})
