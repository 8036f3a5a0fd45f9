import { describe, expect, test } from "bun:test"
import { filledMenu, keysOf, matchingEntry } from "../../src/call/ivr-matching.ts"
import { IvrMenu } from "../../src/call/ivr-menu.ts"

const entry = (...triggers: string[]) => ({ intent: triggers.join(), triggers, response: "1" })

test.each([
  ["blanks and punctuation do not count", "Please enter your N.P.I. number", "npi number"],
  ["neither does case, nor the form of the trigger", "for DENTAL providers", "Dental-Provider!"],
  ["letters of every language count", "Für Ärzte drücken Sie zwei", "für ärzte"],
])("%s", (_, heard, trigger) => expect(matchingEntry([entry(trigger)], heard)).toBe(0))

test("the first entry that matches is used", () => {
  const menu = [entry("claims"), entry("npi", "provider"), entry("provider")]
  expect(matchingEntry(menu, "Are you a provider?")).toBe(1)
})

test("a trigger without letters or digits matches nothing", () => {
  expect(matchingEntry([entry("", "…")], "anything")).toBe(-1)
})

test.each([
  ["digits", "12", "12"],
  ["the key that ends a number", "1234#", "1234#"],
  ["a number in groups", "555-010 (1234)", "5550101234"],
  ["a pause", "1w2", "1w2"],
  ["words", "dental provider", undefined],
  ["words with a digit", "option 2", undefined],
  ["a placeholder that is not known", "{npi}#", undefined],
  ["nothing", "", undefined],
  ["a pause alone", "w", undefined],
])("%s: what is pressed", (_, response, keys) => expect(keysOf(response)).toBe(keys))

test("placeholders are filled in triggers and responses; unknown ones stay", () => {
  const menu = [{ intent: "{npi}", triggers: ["for {plan}"], response: "{npi}#{other}" }]
  expect(filledMenu(menu, { npi: "42", plan: "PPO" })).toEqual([
    { intent: "{npi}", triggers: ["for PPO"], response: "42#{other}" },
  ])
})

describe("the form of a menu", () => {
  test.each([
    ["no entry", []],
    ["an entry without triggers", [{ intent: "a", response: "1" }]],
    ["a field that is not known", [{ intent: "a", triggers: [], response: "1", key: 1 }]],
  ])("%s is refused", (_, menu) => expect(IvrMenu.safeParse(menu).success).toBe(false))
})
