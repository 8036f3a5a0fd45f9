import { expect, test } from "bun:test"
import { isDialable, isE164, isE164Prefix } from "../../src/lib/e164.ts"

test.each([
  ["a number", "+15550100001", { number: true, prefix: true, dialable: true }],
  ["the shortest", "+6834000", { number: true, prefix: true, dialable: true }],
  ["the longest", "+123456789012345", { number: true, prefix: true, dialable: true }],
  ["one digit too many", "+1234567890123456", { number: false, prefix: false, dialable: false }],
  ["a country code", "+49", { number: false, prefix: true, dialable: true }],
  ["a zone", "+1", { number: false, prefix: true, dialable: false }],
  ["a zero first", "+0987654321", { number: false, prefix: false, dialable: true }],
  ["no plus", "15550100001", { number: false, prefix: false, dialable: false }],
  ["a line break behind it", "+15550100001\n", { number: false, prefix: false, dialable: false }],
  ["digits of another script", "+١٥٥٥٠١٠٠٠٠١", { number: false, prefix: false, dialable: false }],
  ["nothing", "", { number: false, prefix: false, dialable: false }],
])("%s", (_, text, expected) => {
  expect({ number: isE164(text), prefix: isE164Prefix(text), dialable: isDialable(text) }).toEqual(expected)
})
