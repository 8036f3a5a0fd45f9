import { expect, test } from "bun:test"
import { MarkerFilter } from "../../../src/llm/flowise/flowise-markers.ts"

/** Text and markers, as they come out; neighbouring texts are one. */
function filtered(...pieces: string[]): unknown[] {
  const filter = new MarkerFilter()
  const found: unknown[] = []
  for (const piece of [...pieces.flatMap((piece) => filter.push(piece)), filter.flush()]) {
    const last = found.at(-1)
    if (piece === "") continue
    if (typeof piece === "string" && typeof last === "string") found[found.length - 1] = last + piece
    else found.push(piece)
  }
  return found
}

const end = { name: "end-call", words: "" }

test.each([
  ["plain text", "Hello there.", ["Hello there."]],
  ["a marker alone", "[[end-call]]", [end]],
  ["a marker after words", "Goodbye. [[end-call]]", ["Goodbye. ", end]],
  ["a marker among words", "One [[end-call]] two", ["One ", end, " two"]],
  ["two markers", "[[end-call]][[end-call]]", [end, end]],
  [
    "words of a marker",
    "[[live-agent-handoff: wants: a refund]]",
    [{ name: "live-agent-handoff", words: "wants: a refund" }],
  ],
  ["words over lines", "[[note:\n one\n two ]]", [{ name: "note", words: "one\n two" }]],
  ["brackets within the words", "[[note: a [b] c]]", [{ name: "note", words: "a [b] c" }]],
  ["spaces around the name", "[[ end-call ]]", [end]],
  ["no words after the colon", "[[end-call:]]", [end]],
  ["one bracket more", "[[[end-call]]", ["[", end]],
  ["single brackets", "a [b] c", ["a [b] c"]],
  ["numbers in brackets", "see [[1]]", ["see [[1]]"]],
  ["two words in brackets", "see [[two words]] here", ["see [[two words]] here"]],
  ["a bracket at the end", "see [", ["see ["]],
  ["a marker that is never closed", "Bye. [[live-agent-handoff: the caller", ["Bye. "]],
  ["the beginning of one at the end", "Bye. [[", ["Bye. "]],
  ["a name that is too long", `[[${"x".repeat(70)}]]`, [`[[${"x".repeat(70)}]]`]],
] as const)("%s, in one piece and letter by letter", (_, text, expected) => {
  expect(filtered(text)).toEqual([...expected])
  expect(filtered(...text.split(""))).toEqual([...expected])
})

test("an endless marker is bounded, and still ends", () => {
  const filter = new MarkerFilter()
  expect(filter.push("[[note: ")).toEqual([])
  for (let n = 0; n < 100; n++) expect(filter.push("x".repeat(1000))).toEqual([])
  expect(filter.push("]")).toEqual([])
  const [marker, after] = filter.push("] and on")
  expect(marker).toMatchObject({ name: "note", words: expect.stringMatching(/^x{3900,4000}$/) })
  expect(after).toBe(" and on")
})
