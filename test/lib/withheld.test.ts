import { expect, test } from "bun:test"
import { isWithheld } from "../../src/lib/withheld.ts"

test.each([
  ["ANONYMOUS", "+266696687", true],
  ["RESTRICTED", "+7378742833", true],
  ["BLOCKED", "+2562533", true],
  ["UNKNOWN", "+8656696", true],
  ["UNAVAILABLE", "+86282452253", true],
  ["without +", "266696687", true],
  ["a word", "anonymous", true],
  ["a word in capitals", "Restricted", true],
  ["nothing", "", true],
  ["blanks", " ", true],
  ["a SIP caller", "sip:anonymous@anonymous.invalid", true],
  ["a number", "+15550100001", false],
  ["a number that begins alike", "+2666966871", false],
  ["a known SIP caller", "sip:ann@pbx.example.com", false],
  ["a client", "client:ann", false],
])("%s %p: %p", (_, caller, withheld) => expect(isWithheld(caller)).toBe(withheld))
