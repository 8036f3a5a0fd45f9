import { expect, test } from "bun:test"
import { cutText, LIMITS, plainFields } from "../../src/lib/log-values.ts"

const plain = (value: unknown) => plainFields({ value }, (name) => name)["value"]

test.each([
  { because: "a short text stays", text: "Hello", cut: "Hello" },
  { because: "4,000 characters stay", text: "x".repeat(4_000), cut: "x".repeat(4_000) },
  {
    because: "a longer text is cut and counted",
    text: "x".repeat(4_001),
    cut: `${"x".repeat(4_000)}… (4001 characters)`,
  },
])("$because", ({ text, cut }) =>
  expect({ cut: cutText(text), field: plain(text) }).toEqual({ cut, field: cut }),
)

test.each<{ because: string; value: unknown; json: unknown }>([
  {
    because: "numbers, booleans and null stay",
    value: [1, true, null, undefined],
    json: [1, true, null, undefined],
  },
  { because: "large integers are texts", value: 2n ** 64n, json: "18446744073709551616" },
  { because: "symbols are texts", value: Symbol("s"), json: "Symbol(s)" },
  { because: "functions are named as such", value: () => 1, json: "[function]" },
  { because: "times are in ISO form", value: new Date(0), json: "1970-01-01T00:00:00.000Z" },
  { because: "a time that is none", value: new Date(Number.NaN), json: "invalid date" },
  { because: "addresses are texts", value: new URL("https://example.com/a"), json: "https://example.com/a" },
  { because: "patterns are texts", value: /a+/g, json: "/a+/g" },
  { because: "bytes are counted", value: new Uint8Array(3), json: "[3 bytes]" },
  { because: "buffers too", value: new ArrayBuffer(5), json: "[5 bytes]" },
  { because: "maps are objects", value: new Map([["a", 1]]), json: { a: 1 } },
  { because: "sets are lists", value: new Set([1, 2]), json: [1, 2] },
  {
    because: "an error is its name, message, code and cause, without its stack",
    value: Object.assign(new TypeError("failed", { cause: new Error("before") }), {
      code: "E1",
      secret: "s",
    }),
    json: { name: "TypeError", message: "failed", code: "E1", cause: { name: "Error", message: "before" } },
  },
])("$because", ({ value, json }) => expect(plain(value)).toEqual(json))

test("a circle is cut, a value that occurs twice is not", () => {
  const twice = { a: 1 }
  const circle: Record<string, unknown> = { twice, again: twice }
  circle["self"] = circle
  expect(plain(circle)).toEqual({ twice: { a: 1 }, again: { a: 1 }, self: "[circular]" })
})

test("nesting is cut at its limit", () => {
  let value: unknown = "end"
  for (let depth = 0; depth < LIMITS.maxDepth + 1; depth += 1) value = [value]
  expect(JSON.stringify(plain(value))).toBe(
    `${"[".repeat(LIMITS.maxDepth)}"[truncated]"${"]".repeat(LIMITS.maxDepth)}`,
  )
})

test("lists and objects have a limited number of entries", () => {
  const list = Array.from({ length: LIMITS.maxProperties + 1 }, (_, index) => index)
  const cut = plain({ list, object: Object.fromEntries(list.map((index) => [`k${index}`, index])) })
  expect(cut).toEqual({
    list: list.slice(0, -1),
    object: Object.fromEntries(list.slice(0, -1).map((index) => [`k${index}`, index])),
  })
})

test("names are rewritten at every depth", () => {
  const fields = { to: { from: 1 }, list: [{ from: 2 }] }
  expect(plainFields(fields, (name) => name.toUpperCase())).toEqual({ TO: { FROM: 1 }, LIST: [{ FROM: 2 }] })
})
