import { expect, test } from "bun:test"
import { interrupts, isEcho, isListening, joinDigits } from "../../src/pipeline/heard-words.ts"

const SAYING = "We are open from nine to five, and closed on Sunday."

test.each<{ text: string; interrupts: boolean; why: string }>([
  { text: "ok", interrupts: false, why: "five characters or fewer" },
  { text: "hello there", interrupts: true, why: "words of the caller" },
  { text: "uh-huh, okay", interrupts: false, why: "a sign of listening" },
  { text: "yeah yeah yeah yeah", interrupts: true, why: "more than a listener says" },
  { text: "from nine to five", interrupts: false, why: "an echo of the agent" },
  { text: "from nine to six please", interrupts: true, why: "not the words of the agent" },
  { text: "", interrupts: false, why: "nothing" },
])("'$text' interrupts: $interrupts ($why)", ({ text, interrupts: expected }) => {
  expect(interrupts(text, { saying: SAYING, characters: 5 })).toBe(expected)
})

test.each([
  { text: "Mhm.", listening: true },
  { text: "Ja, genau", listening: true },
  { text: "d'accord", listening: true },
  { text: "No", listening: false },
  { text: "ok but wait", listening: false },
])("'$text' shows only that somebody listens: $listening", ({ text, listening }) => {
  expect(isListening(text)).toBe(listening)
})

test("two words are too few to be an echo", () => {
  expect(isEcho("to five", SAYING)).toBeFalse()
  expect(isEcho("closed on Sunday", SAYING)).toBeTrue()
})

test("digits recognised one by one become one number", () => {
  expect(joinDigits("my id is 1 2 3 and 45 6")).toBe("my id is 123 and 456")
  expect(joinDigits("at 7 pm")).toBe("at 7 pm")
})
