import { describe, expect, test } from "bun:test"
import { validToolCall } from "../../src/tools/valid-tool-call.ts"

function argumentsOf(written: string): string {
  const { call, fault } = validToolCall({ name: "order", arguments: written })
  expect(fault).toBeUndefined()
  return call.arguments
}

describe("arguments", () => {
  test.each([
    ["well-formed ones stay byte for byte", '{ "n": 1,\n "s": "a\\nb \\u00e9 \\ud83d\\ude00" }'],
    ["an empty object stays", "{}"],
  ])("%s", (_, written) => expect(argumentsOf(written)).toBe(written))

  test.each([
    ["none", "", "{}"],
    ["white space", " \n", "{}"],
    ["null", "null", "{}"],
    ["an empty string", '""', "{}"],
    ["doubly encoded", '"{\\"n\\":1}"', '{"n":1}'],
    ["encoded three times", JSON.stringify(JSON.stringify('{"n":1}')), '{"n":1}'],
    ["doubly encoded null", '"null"', "{}"],
    ["a code fence", '```json\n{"n":1}\n```', '{"n":1}'],
    ["a raw line break in a string", '{"s":"a\nb\tc"}', '{"s":"a\\nb\\tc"}'],
    ["a NUL", '{"s":"a\\u0000b"}', '{"s":"ab"}'],
    ["a raw control character", '{"s":"a\u0001b"}', '{"s":"ab"}'],
    ["half a character", '{"s":"a\\ud83d"}', '{"s":"a\uFFFD"}'],
    ["control characters in a key and deep inside", '{"a\\u0007":[{"b":"\\u001bc"}]}', '{"a":[{"b":"c"}]}'],
  ])("are repaired: %s", (_, written, expected) => expect(argumentsOf(written)).toBe(expected))

  test.each([
    ["cut off", '{"to":"+1555'],
    ["cut off and doubly encoded", '"{\\"to\\":\\"+1555"'],
    ["a list", '["a"]'],
    ["a number", "5"],
    ["words", "press one"],
    ["two objects", '{"n":1}{"n":2}'],
  ])("are replaced and not run: %s", (_, written) => {
    expect(validToolCall({ name: "order", arguments: written })).toEqual({
      call: { name: "order", arguments: "{}" },
      fault: expect.stringContaining("not one complete JSON object"),
    })
  })
})

test.each([
  ["end-call", "end-call"],
  ["functions.end-call", "end-call"],
  [" end-call\n", "end-call"],
  ["end call<|x|>", "end_call__x__"],
  ["", "unknown"],
  ["x".repeat(70), "x".repeat(64)],
])("the name %j becomes %j", (name, expected) => {
  expect(validToolCall({ name, arguments: "{}" }).call.name).toBe(expected)
})
