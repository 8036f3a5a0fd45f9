import { expect, test } from "bun:test"
import { callStatusOf, directionOf } from "../../src/twilio/words.ts"

test.each([
  ["in-progress", "in-progress"],
  ["IN_PROGRESS", "in-progress"],
  ["RINGING", "ringing"],
  ["no-answer", "no-answer"],
  ["answered", undefined],
  ["", undefined],
  [undefined, undefined],
  [7, undefined],
])("the status %p is %p", (word, status) => expect<string | undefined>(callStatusOf(word)).toBe(status))

test.each([
  ["outbound-api", "outbound"],
  ["outbound-dial", "outbound"],
  ["OUTBOUND_API", "outbound"],
  ["inbound", "inbound"],
  ["trunking-terminating", "inbound"],
  [undefined, "inbound"],
] as const)("the direction %p is %p", (word, direction) => expect(directionOf(word)).toBe(direction))
