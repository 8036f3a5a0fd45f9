import { expect, test } from "bun:test"
import { factOf, factsIn } from "../../../src/llm/demo/demo-facts.ts"

test.each([
  ["a line", "First name: Anna", "Anna"],
  ["an item of a list", "- first-name: Anna", "Anna"],
  ["an assignment", "FIRST_NAME=Anna", "Anna"],
  ["a field of JSON", '{"firstName": "Anna"}', "Anna"],
  ["a number", '{"firstName": 7}', "7"],
  ["the last of several", "First name: Bob\nFirst name: Anna", "Anna"],
  ["JSON before a line", '{"firstName": "Anna"}\nFirst name: Bob', "Anna"],
  ["another name", "Last name: Anna", undefined],
])("%s", (_, text, expected) => expect(factOf(factsIn(text), "firstName")).toBe(expected))

test("the first of the names that is known counts", () => {
  expect(factOf(factsIn("name: Anna\ncity: Rome"), "customer", "city", "name")).toBe("Rome")
})

test("only the end of long instructions is read", () => {
  expect(factsIn(`name: Anna\n${"x".repeat(20_000)}`).size).toBe(0)
})
