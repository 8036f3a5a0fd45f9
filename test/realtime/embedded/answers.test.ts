import { expect, test } from "bun:test"
import { answerTo, wordsFor, type ConversationEntry } from "../../../src/realtime/embedded/answers.ts"

const prompts = {
  greeting: { text: "Hello there.", audio: new Uint8Array([1]) },
  youSaid: { text: "You said:", audio: new Uint8Array([2]) },
  done: { text: "All right.", audio: new Uint8Array([3]) },
}

const entry = (fields: Partial<ConversationEntry>): ConversationEntry => ({
  id: "item_1",
  item: null,
  sentMs: null,
  speech: null,
  ...fields,
})
const text = (role: "user" | "system" | "assistant", ...parts: string[]) =>
  entry({
    item: { type: "message", role, content: parts.map((part) => ({ type: "input_text", text: part })) },
  })

const greeting = { type: "speech", ...prompts.greeting }
const done = { type: "speech", ...prompts.done }

test.each<[string, ConversationEntry | undefined, object]>([
  ["an empty conversation", undefined, greeting],
  ["an instruction", text("system", "Be kind."), greeting],
  ["a text of the caller", text("user", "Hello"), done],
  [
    "an output of a tool",
    entry({ item: { type: "function_call_output", call_id: "c", output: "{}" } }),
    done,
  ],
  ["an answer of its own", entry({ sentMs: 400 }), done],
  [
    "speech of the caller",
    entry({ speech: { audio: new Uint8Array([7, 8]), speechMs: 1_234 } }),
    { type: "speech", text: "You said: (speech of 1.2 s)", audio: Buffer.from([2, 7, 8]) },
  ],
  [
    "a command",
    text("user", 'call end_call {"reason":"x"}'),
    { type: "call", name: "end_call", arguments: '{"reason":"x"}' },
  ],
  [
    "a command in parts",
    text("user", "call ", "end_call"),
    { type: "call", name: "end_call", arguments: "{}" },
  ],
  ["a command for an unknown tool", text("user", "call rm_rf"), done],
  ["a text that only begins like a command", text("user", "call end_call now"), done],
])("the answer to %s", (_, last, expected) => {
  expect(answerTo(last, prompts, ["end_call"])).toEqual(expected as never)
})

test("no more than five seconds of the caller's audio are played back", () => {
  const speech = { audio: new Uint8Array(20_000 * 8), speechMs: 20_000 }
  const answer = answerTo(entry({ speech }), prompts, [])
  expect(answer.type === "speech" && answer.audio.length).toBe(1 + 5_000 * 8)
})

test("the transcript of speech is its length", () => {
  expect([wordsFor(0), wordsFor(950)]).toEqual(["(speech of 0.0 s)", "(speech of 0.9 s)"])
})
