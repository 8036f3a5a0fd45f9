import { expect, test } from "bun:test"
import { phoneNumber } from "../../src/call/phone-number.ts"

test.each([
  ["as it is", "+15550100001", undefined, "+15550100001"],
  ["the longest", "+123456789012345", undefined, "+123456789012345"],
  ["blanks, dots, signs", " +49 (30) 12.34-56 ", undefined, "+4930123456"],
  ["national", "(202) 555-0123", "US", "+12025550123"],
  ["national, small letters", "030 123456", "de", "+4930123456"],
])("%s", async (_, given, defaultCountry, expected) => {
  expect(await phoneNumber(given, { field: "to", defaultCountry })).toBe(expected)
})

test.each([
  ["nothing", "", undefined],
  ["a plus alone", "+", undefined],
  ["00 in place of +", "004930123456", undefined],
  ["letters", "+1800FLOWERS", undefined],
  ["two numbers", "+15550100001,+15550100002", undefined],
  ["digits of another script", "+١٥٥٥٠١٠٠٠٠١", undefined],
  ["a country that is none", "030 123456", "ZZ"],
  ["no number in that country", "abc", "US"],
  ["an emergency number", "911", "US"],
])("%s is no number", async (_, given, defaultCountry) => {
  const error = await phoneNumber(given, { field: "from", defaultCountry }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: "INVALID_REQUEST", details: [{ field: "from" }] })
})
