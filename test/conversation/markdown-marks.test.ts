import { expect, test } from "bun:test"
import { isLiteral, linePrefix, quoteLength } from "../../src/conversation/markdown-marks.ts"

test.each([
  { line: "Plain words", kind: "text", length: 0 },
  { line: "## Opening hours", kind: "heading", length: 3 },
  { line: "#1 in town", kind: "text", length: 0 },
  { line: "####### seven", kind: "text", length: 0 },
  { line: "- milk", kind: "item", length: 2 },
  { line: "  • milk", kind: "item", length: 4 },
  { line: "-5 degrees", kind: "text", length: 0 },
  { line: "12. milk", kind: "item", length: 0 },
  { line: "1984. A year", kind: "text", length: 0 },
  { line: "| Monday | 9", kind: "row", length: 2 },
] as const)(
  "'$line' is of the kind $kind, and $length characters are not spoken",
  ({ line, kind, length }) => {
    expect(linePrefix(line, 0)).toEqual({ kind, length })
  },
)

test("the prefix is looked for at the given place only", () => {
  expect(linePrefix("a - b", 1)).toEqual({ kind: "item", length: 3 })
})

test.each([
  { line: "none", length: 0 },
  { line: "> one", length: 2 },
  { line: "> > two", length: 4 },
  { line: ">>two", length: 2 },
])("the marks of the quotation '$line' have $length characters", ({ line, length }) => {
  expect(quoteLength(line, 0)).toBe(length)
})

test.each([
  { because: "a code mark", run: "`", before: "a", after: "b", literal: false },
  { because: "about", run: "~", before: " ", after: "5", literal: true },
  { because: "struck out", run: "~~", before: " ", after: "a", literal: false },
  { because: "a key alone", run: "*", before: " ", after: " ", literal: true },
  { because: "a key at the end of a sentence", run: "*", before: " ", after: ".", literal: true },
  { because: "a sum", run: "*", before: "2", after: "3", literal: true },
  { because: "the beginning of bold words", run: "**", before: " ", after: "b", literal: false },
  { because: "the end of bold words", run: "**", before: "b", after: " ", literal: false },
  { because: "a name with an underscore", run: "_", before: "a", after: "b", literal: true },
  { because: "a star between letters", run: "*", before: "a", after: "b", literal: false },
])("$because: is literal: $literal", ({ run, before, after, literal }) => {
  expect(isLiteral(run, before, after)).toBe(literal)
})
