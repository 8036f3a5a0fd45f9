import { expect, test } from "bun:test"
import { callerIdOf } from "../../src/control/caller-profile.ts"
import { sampleCall } from "../relay/fixture.ts"

test.each([
  ["the caller of an incoming call", {}, "+15550100001"],
  ["the called person of an outgoing call", { direction: "outbound" }, "+15550100002"],
  ["the number that a menu has verified", { verifiedNumber: "+15550100007" }, "+15550100007"],
  [
    "the verified number of a withheld caller",
    { from: "anonymous", verifiedNumber: "+15550100007" },
    "+15550100007",
  ],
  ["nobody, if the number is withheld", { from: "anonymous" }, undefined],
  ["nobody, if the number stands for a withheld one", { from: "+266696687" }, undefined],
  ["nobody, for a SIP address", { from: "sip:anna@example.com" }, undefined],
] as const)("the caller is %s", (_, given, number) => {
  expect(callerIdOf(sampleCall(given))).toEqual(number === undefined ? undefined : { userId: null, number })
})
