import { expect, test } from "bun:test"
import { messageOf } from "../../src/lib/errors.ts"
import { dialledNumber, phoneNumber } from "../../src/call/phone-number.ts"

test.each([
  ["as it is", "+15550100001", undefined, "+15550100001"],
  ["the longest", "+123456789012345", undefined, "+123456789012345"],
  ["blanks, dots, signs", " +49 (30) 12.34-56 ", undefined, "+4930123456"],
  ["national", "(202) 555-0123", "US", "+12025550123"],
  ["national, small letters", "030 123456", "de", "+4930123456"],
  ["British, with the trunk zero", "+44 (0)20 7946 0958", undefined, "+442079460958"],
  ["the trunk zero without parentheses", "+44 020 7946 0958", undefined, "+442079460958"],
  ["German, with the trunk zero", "+49 (0) 30 / 123456", undefined, "+4930123456"],
  ["Swedish, with the trunk zero", "+46 (0)8-123 456 78", undefined, "+46812345678"],
  ["Swedish, national", "08-123 456 78", "SE", "+46812345678"],
  ["Italian, whose zero belongs to the number", "+39 02 3661 8300", undefined, "+390236618300"],
  ["00 in a country that dials it", "0044 20 7946 0958", "DE", "+442079460958"],
  ["00 in a country that dials 011", "0044 20 7946 0958", "US", "+442079460958"],
  ["011", "011 44 20 7946 0958", "US", "+442079460958"],
  ["marks of text direction", "\u202a+44 20 7946 0958\u202c", undefined, "+442079460958"],
  ["a zero-width space", "+44 20\u200b7946 0958", undefined, "+442079460958"],
  ["no-break spaces", "+44\u00a020\u202f7946\u00a00958", undefined, "+442079460958"],
  ["Arabic digits", "+١٥٥٥٠١٠٠٠٠١", undefined, "+15550100001"],
  ["full-width digits", "＋１５５５０１００００１", undefined, "+15550100001"],
  ["a tel: URI", "tel:+1-202-555-0123", undefined, "+12025550123"],
])("%s", async (_, given, defaultCountry, expected) => {
  expect(await phoneNumber(given, { field: "to", defaultCountry })).toBe(expected)
})

test.each([
  ["ext.", "+1 202 555 0123 ext. 12"],
  ["x", "+12025550123x12"],
  [";ext=", "tel:+1-202-555-0123;ext=12"],
  ["#", "+12025550123 #12"],
])("an extension written with %s is kept", async (_, given) => {
  const options = { field: "to", defaultCountry: undefined }
  expect(await dialledNumber(given, options)).toEqual({ number: "+12025550123", extension: "12" })
  const refused = await phoneNumber(given, options).catch(messageOf)
  expect(refused).toBe("to must be a number without an extension.")
})

test.each([
  ["nothing", "", undefined],
  ["a plus alone", "+", undefined],
  ["00 in place of +, without a country", "004930123456", undefined],
  ["letters", "+1800FLOWERS", undefined],
  ["letters in national form", "1-800-FLOWERS", "US"],
  ["two numbers", "+15550100001,+15550100002", undefined],
  ["a country that is none", "030 123456", "ZZ"],
  ["no number in that country", "abc", "US"],
  ["an emergency number", "911", "US"],
  ["a trunk zero in a number that is too short", "+44 (0)20 794", undefined],
  ["a withheld caller", "+266696687", undefined],
  ["a withheld caller whose mark looks like a number", "+86282452253", undefined],
  ["a withheld caller in words", "anonymous", "US"],
  ["markup", '+15550100001"><Say>', undefined],
])("%s is no number", async (_, given, defaultCountry) => {
  const error = await phoneNumber(given, { field: "from", defaultCountry }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: "INVALID_REQUEST", details: [{ field: "from" }] })
})

test.each([
  ["+1800FLOWERS", "to must be written in digits, without letters."],
  ["+7378742833", "to stands for a caller who withholds the number; it is not a phone number."],
  ["030 123456", "For numbers in national form set DEFAULT_COUNTRY."],
])("%p is refused with a clear message", async (given, message) => {
  const refused = await phoneNumber(given, { field: "to", defaultCountry: undefined }).catch(messageOf)
  expect(refused).toContain(message)
})
