/** Form bodies: nothing of them may be lost or changed. */

import { expect, test } from "bun:test"
import { parseForm } from "../../src/twilio/form.ts"

test.each([
  ["an empty body", "", {}],
  ["empty values stay", "CallerName=&To=1", { CallerName: "", To: "1" }],
  ["a name without a sign of equality", "CallerName", { CallerName: "" }],
  ["plus is a space, %2B a plus", "a=1+2&b=%2B1", { a: "1 2", b: "+1" }],
  ["spaces at the ends stay", "a=+x+", { a: " x " }],
  ["repeats in their order", "a=2&b=x&a=1&a=2", { a: ["2", "1", "2"], b: "x" }],
  ["a repeat of an empty value", "a=&a=", { a: ["", ""] }],
  ["text in other alphabets", "a=Ol%C3%A1", { a: "Olá" }],
  ["a broken escape stays as it is", "a=%zz%", { a: "%zz%" }],
])("%s", (_, raw, expected) => expect(parseForm(raw)).toEqual(expected))

test("names of object members are plain names", () => {
  const form = parseForm("__proto__=x&constructor=y")
  expect(Object.entries(form)).toEqual([
    ["__proto__", "x"],
    ["constructor", "y"],
  ])
  expect(Object.getPrototypeOf(form)).toBe(Object.prototype)
})
