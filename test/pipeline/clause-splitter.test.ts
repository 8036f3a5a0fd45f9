import { expect, test } from "bun:test"
import { ClauseSplitter } from "../../src/pipeline/clause-splitter.ts"

/** All clauses of an answer that arrives in pieces of a few characters. */
function clausesOf(text: string, size = 3): string[] {
  const splitter = new ClauseSplitter()
  const clauses: string[] = []
  for (let at = 0; at < text.length; at += size) clauses.push(...splitter.push(text.slice(at, at + size)))
  const rest = splitter.flush()
  return rest === "" ? clauses : [...clauses, rest]
}

test.each<{ name: string; text: string; clauses: string[] }>([
  { name: "sentences", text: "One is here. Two is there!", clauses: ["One is here. ", "Two is there!"] },
  {
    name: "a first clause that is short enough to begin with",
    text: "Of course I can, and here is how it works for you.",
    clauses: ["Of course I can, ", "and here is how it works for you."],
  },
  { name: "no comma after one word", text: "Yes, we do. ", clauses: ["Yes, we do. "] },
  {
    name: "abbreviations and numbers",
    text: "Dr. Smith pays 3.50 at 10:30, No. 7. Fine.",
    clauses: ["Dr. Smith pays 3.50 at 10:30, ", "No. 7. ", "Fine."],
  },
  {
    name: "quotation marks behind the end",
    text: 'He said "Stop now!" Then he left.',
    clauses: ['He said "Stop now!" ', "Then he left."],
  },
  { name: "scripts without blanks", text: "こんにちは。元気です。", clauses: ["こんにちは。", "元気です。"] },
  { name: "lines", text: "First line\nsecond line", clauses: ["First line\n", "second line"] },
])("$name", ({ text, clauses }) => {
  expect(clausesOf(text)).toEqual(clauses)
  expect(clausesOf(text, 1)).toEqual(clauses)
})

test("nothing is lost or added, and a text without punctuation is cut behind a blank", () => {
  const text = "word ".repeat(200)
  const clauses = clausesOf(text)
  expect(clauses.join("")).toBe(text)
  expect(clauses.length).toBeGreaterThan(3)
  expect(clauses.every((clause) => clause.endsWith(" ") && clause.length <= 221)).toBeTrue()
  expect(clausesOf("x".repeat(500)).join("")).toBe("x".repeat(500))
})

test("the next answer begins with a first clause again", () => {
  const splitter = new ClauseSplitter()
  splitter.push("That is all I know about it, ")
  splitter.flush()
  expect(splitter.push("And what else, ")).toEqual(["And what else, "])
  expect(splitter.push("my friend, ")).toEqual([])
})
