import { expect, test } from "bun:test"
import { HangUpWord } from "../../src/conversation/hang-up-word.ts"

function read(text: string, size: number) {
  const word = new HangUpWord()
  let out = ""
  for (let at = 0; at < text.length; at += size) out += word.push(text.slice(at, at + size))
  return { text: out + word.flush(), isFound: word.isFound }
}

test.each<{ answer: string; text: string; isFound: boolean }>([
  { answer: "Bye END_THE_CALL", text: "Bye ", isFound: true },
  { answer: "END_THE_CALL", text: "", isFound: true },
  { answer: "END_THE_CALL Goodbye.", text: " Goodbye.", isFound: true },
  { answer: "The END_THE story. EVE, E", text: "The END_THE story. EVE, E", isFound: false },
  { answer: "EEND_THE_CALL", text: "E", isFound: true },
  { answer: "end_the_call", text: "end_the_call", isFound: false },
])("'$answer' is read as '$text'", ({ answer, text, isFound }) => {
  for (const size of [1, 2, 5, 100]) expect(read(answer, size)).toEqual({ text, isFound })
})

test("text that cannot be the word is passed on at once", () => {
  expect(new HangUpWord().push("Hello there")).toBe("Hello there")
})
