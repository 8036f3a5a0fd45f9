import { expect, test } from "bun:test"
import { asksForDictation } from "../../src/pipeline/dictation.ts"

test.each([
  { text: "Sure. What is your phone number?", asks: true },
  { text: "Could you spell that for me?", asks: true },
  { text: "Wie lautet Ihre Postleitzahl?", asks: true },
  { text: "Quelle est votre adresse ?", asks: true },
  { text: "Your number is noted. Would you like a receipt?", asks: false },
  { text: "How can I help you?", asks: false },
  { text: "Please say your order number.", asks: true },
  { text: "", asks: false },
])("'$text' asks for something to be read out: $asks", ({ text, asks }) => {
  expect(asksForDictation(text)).toBe(asks)
})
