/** How much of an utterance was heard, by what is reported of it. */

import { expect, test } from "bun:test"
import { UtteranceLedger } from "../../src/conversation/utterance-ledger.ts"

const TEXT = "Yes, of course. It is on Tuesday. Yes, at ten."

test.each([
  ["the beginning", [], "Yes, of", "Yes, of"],
  ["all of it", [], TEXT, TEXT],
  ["other white space", [], "Yes,of\ncourse.  It", "Yes, of course. It"],
  ["the middle of a word", [], "Yes, of cou", "Yes, of cou"],
  ["a later stretch", [], "It is on", "Yes, of course. It is on"],
  [
    "a later stretch after what was played",
    ["Yes, of course.", "It is on Tuesday."],
    "at ten",
    "Yes, of course. It is on Tuesday. Yes, at ten",
  ],
  ["less than was played", ["Yes, of course."], "Yes,", "Yes, of course."],
  ["something else", [], "No", undefined],
  ["nothing but white space", [], " \n", undefined],
  ["more than was sent", [], `${TEXT} And`, undefined],
] as const)("%s", (_, played, report, expected) => {
  const spoken = new UtteranceLedger()
  for (const piece of TEXT.split(/(?<= )/)) spoken.sent(piece)
  for (const clause of played) expect(spoken.played(clause)).toBe(true)
  expect(spoken.heard(report)).toBe(expected)
})

test("from the start only, a later stretch does not count", () => {
  const spoken = new UtteranceLedger()
  spoken.sent(TEXT)
  expect(spoken.heard("It is on", { fromStart: true })).toBeUndefined()
  expect(spoken.heard("Yes, of", { fromStart: true })).toBe("Yes, of")
})

test("clauses that are played move forward only, and white space at the end need not be played", () => {
  const spoken = new UtteranceLedger()
  spoken.sent("One. Two. One. ")
  expect(["Two.", "One.", "Two."].map((clause) => spoken.played(clause))).toEqual([true, true, false])
  expect({ text: spoken.playedText, out: spoken.playedOut }).toEqual({ text: "One. Two. One.", out: true })
})

test("a very long text is searched quickly", () => {
  const spoken = new UtteranceLedger()
  spoken.sent("word ".repeat(50_000))
  spoken.sent("end")
  expect(spoken.heard("word end")).toHaveLength(250_003)
})
