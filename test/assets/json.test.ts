/** The JSON reader: the same values as JSON.parse, and lines where that has none. */

import { expect, test } from "bun:test"
import { readJson } from "../../src/assets/json.ts"

test.each([
  ['{"a":[1,-2.5e3,true,false,null,"x\\n\\u00e9 \\"q\\""],"b":{"c":{}}}'],
  ["  [ ]  "],
  ['{"":{"":0}}'],
  ['"text"'],
  ["0"],
  [`"${"a\\\\".repeat(200_000)}"`],
])("reads what JSON.parse reads: %#", (text) => {
  expect(readJson(text)).toMatchObject({ value: JSON.parse(text) })
})

test.each([
  ["nothing", "", 1, "expected a value, not the end of the file"],
  ["a comma at the end", '{\n  "a": 1,\n}', 3, 'expected a key in quotes, not "}"'],
  ["a missing comma", '{\n  "a": 1\n  "b": 2\n}', 3, 'expected , or }, not "\\""'],
  ["a comment", '{\n\n  // words\n  "a": 1\n}', 3, "comments are not allowed"],
  ["an open text", '["a\nb"]', 1, "a string does not end on its line"],
  ["a wrong escape", '["\\x"]', 1, "a string has an invalid escape or a control character"],
  ["a wrong number", "[01]", 1, 'expected , or ], not "1"'],
  ["a bare word", "[undefined]", 1, 'expected a value, not "u"'],
  ["a key without quotes", "{a: 1}", 1, 'expected a key in quotes, not "a"'],
  ["a list cut off", "[1", 1, "expected , or ], not the end of the file"],
  ["an end too many", "[1]\n]", 2, 'unexpected "]" after the end'],
  ["an object cut off", '{"a":', 1, "expected a value, not the end of the file"],
  ["too many levels", "[".repeat(100_000), 1, "too many levels"],
])("%s has its line", (_, text, line, message) => expect(readJson(text)).toEqual({ line, message }))

test("knows the lines of fields, and of the nearest one around", () => {
  const document = readJson('{\n  "a": {\n    "b": [\n      1,\n      2\n    ]\n  }\n}')
  if (!("lineOf" in document)) throw new Error(document.message)
  expect(
    [["a"], ["a", "b"], ["a", "b", 1], ["a", "x", "y"], ["z"], []].map((path) => document.lineOf(path)),
  ).toEqual([2, 3, 5, 2, 1, 1])
})

test("reports keys that appear twice", () => {
  expect(readJson('{"a": {"b": 1,\n"c": 2,\n"b": 3}}')).toMatchObject({
    value: { a: { b: 3, c: 2 } },
    repeated: [{ path: "a.b", line: 3 }],
  })
})

test("a key named __proto__ is a key like any other", () => {
  const document = readJson('{"__proto__": {"polluted": true}}')
  expect(Object.keys("value" in document ? (document.value ?? {}) : {})).toEqual(["__proto__"])
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined()
})
