import { expect, test } from "bun:test"
import { readableRefusal } from "../../../src/llm/openai/refusals.ts"

test.each([
  ["OpenAI's form", { error: { message: "No" } }, { error: { message: "No" } }],
  ["a list of one", [{ error: { message: "No" } }], { error: { message: "No" } }],
  [
    "fields without the wrapper",
    { message: "No", type: "bad", code: 3 },
    { error: { message: "No", type: "bad", code: 3 } },
  ],
  ["a message that is an object", { message: { a: 1 } }, { error: { message: '{"a":1}' } }],
  ["fields of another kind", { detail: "No" }, { error: { message: '{"detail":"No"}' } }],
])("%s is converted", (_, body, expected) => {
  expect(JSON.parse(readableRefusal(JSON.stringify(body)))).toEqual(expected)
})

test.each(["Bad gateway", "", "null", '"text"', "7"])("%p stays as it is", (text) => {
  expect(readableRefusal(text)).toBe(text)
})
