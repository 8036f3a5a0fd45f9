import { expect, test } from "bun:test"
import type { ChatItem } from "../../../src/llm/chat-model.ts"
import { afterTool } from "../../../src/llm/demo/demo-tool-result.ts"

const result = (output: string) => ({ type: "tool-result" as const, callId: "c2", output })
const call = (name: string, args = "{}", callId = "c2"): ChatItem => ({
  type: "tool-call",
  callId,
  name,
  arguments: args,
})

test.each([
  { because: "a farewell", name: "end-call", says: "Take care." },
  {
    because: "keys one by one",
    name: "send-dtmf",
    args: '{"dtmfDigit":"12#"}',
    says: "I have pressed 1 2 #.",
  },
  {
    because: "keys that are not known",
    name: "send-dtmf",
    args: "{broken",
    says: "I have pressed the keys.",
  },
  {
    because: "the new language",
    name: "switch-language",
    args: '{"ttsLanguage":"de-DE"}',
    says: "Gern, ich spreche jetzt Deutsch.",
  },
  {
    because: "a language without a greeting",
    name: "switch-language",
    args: '{"ttsLanguage":"nl-NL"}',
    says: "I have switched the language.",
  },
  { because: "an audio file", name: "play-media", says: "I hope you liked it." },
  { because: "a transfer", name: "live-agent-handoff", says: "I am connecting you now." },
  { because: "another tool", name: "book", says: "That is done." },
])("$because: $says", ({ name, args, says }) => {
  expect(afterTool(result('{"success":true}'), [call("book", "{}", "c1"), call(name, args)])).toBe(says)
})

test.each([
  { output: '{"success":true,"message":"Booked for Monday"}', says: "That is done. Booked for Monday." },
  { output: '{"message":"Really?"}', says: "That is done. Really?" },
  { output: '{"success":false,"message":"No room"}', says: "I am sorry, that did not work. No room." },
  { output: '{"ok":false}', says: "I am sorry, that did not work." },
  { output: '{"error":"closed"}', says: "I am sorry, that did not work. closed." },
  { output: '{"error":{"code":1}}', says: "I am sorry, that did not work." },
  { output: "Error: no room", says: "I am sorry, that did not work. Error: no room." },
  { output: "No errors found", says: "That is done. No errors found." },
  { output: "  ", says: "That is done." },
  { output: "x".repeat(300), says: `That is done. ${"x".repeat(200)}.` },
])("the result $output: $says", ({ output, says }) => {
  expect(afterTool(result(output), [call("book")])).toBe(says)
})

test("a failed farewell is a failure too", () => {
  expect(afterTool(result('{"success":false}'), [call("end-call")])).toBe("I am sorry, that did not work.")
})

test("the result of a call that is not known is done", () => {
  expect(afterTool(result('{"success":false}'), [call("book", "{}", "c1")])).toBe("That is done.")
})
