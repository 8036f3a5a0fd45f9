import { expect, test } from "bun:test"
import { PronouncedText, Pronunciation } from "../../src/pipeline/pronunciation.ts"

const TABLE = { SQL: "sequel", "New York": "Noo York", Müller: "Mueller", "C++": "C plus plus" }

test.each([
  { text: "Learn sql now.", spoken: "Learn sequel now." },
  { text: "MySQL stays, SQL changes", spoken: "MySQL stays, sequel changes" },
  { text: "new york and Müllers, Müller", spoken: "Noo York and Müllers, Mueller" },
  { text: "I like C++.", spoken: "I like C plus plus." },
  { text: "Call +15550100 or 5550100.", spoken: "Call + 1 5 5 5 0 1 0 0 or 5 5 5 0 1 0 0." },
  { text: "In 2026 it was 1234567.50 or 1,000,000", spoken: "In 2026 it was 1234567.50 or 1,000,000" },
  { text: "", spoken: "" },
])("'$text' is spoken as '$spoken'", ({ text, spoken }) => {
  expect(new PronouncedText(new Pronunciation(TABLE)).add(text)).toBe(spoken)
})

test("a position in what is spoken is a position in what is written", () => {
  const text = new PronouncedText(new Pronunciation(TABLE))
  expect(text.add("Use SQL here. ") + text.add("Or 1234567.")).toBe("Use sequel here. Or 1 2 3 4 5 6 7.")
  expect([0, 4, 6, 10, 15, 17, 20, 30, 33, 34, 99].map((chars) => text.written(chars))).toEqual([
    0, 4, 4, 7, 12, 14, 17, 17, 24, 25, 25,
  ])
})
