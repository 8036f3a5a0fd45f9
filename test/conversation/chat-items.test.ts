import { expect, test } from "bun:test"
import { newCallId } from "../../src/call/ids.ts"
import type { ToolRecord, Turn } from "../../src/call/turn.ts"
import { chatItems } from "../../src/conversation/chat-items.ts"
import type { ReplyMark } from "../../src/conversation/reply-marks.ts"
import { itemLines } from "./conversation-fixture.ts"

const base: Turn = {
  id: "turn",
  callId: newCallId(),
  seq: 0,
  kind: "speech",
  speaker: "caller",
  text: "",
  interrupted: false,
  lang: null,
  startedAt: 0,
  endedAt: 0,
  latency: null,
  tool: null,
}
const reply = (text: string): Turn => ({ ...base, id: "reply", speaker: "agent", text })

function tool(callId: string, fields: Partial<ToolRecord> = {}): Turn {
  const record: ToolRecord = {
    callId,
    name: "find",
    arguments: "{}",
    output: "yes",
    ok: true,
    tookMs: 1,
    replyTurnId: "reply",
    offset: 0,
    ...fields,
  }
  return { ...base, id: `tool_${callId}`, kind: "tool", speaker: "agent", tool: record }
}

const opaque = (offset: number, toolsBefore: number): ReplyMark => ({
  item: { type: "opaque", backEnd: "b", item: "x" },
  offset,
  toolsBefore,
})

test.each<{ because: string; turns: Turn[]; marks?: ReplyMark[]; lines: string[] }>([
  { because: "no turns are no messages", turns: [], lines: [] },
  { because: "the caller is the user", turns: [{ ...base, text: "Hello" }], lines: ["user: Hello"] },
  {
    because: "pressed keys are described",
    turns: [{ ...base, kind: "keypad", text: "12#" }],
    lines: ["user: The caller pressed 12# on the keypad."],
  },
  {
    because: "a note is read as from its speaker",
    turns: [
      { ...base, kind: "note", speaker: "system", text: "A fact." },
      { ...base, kind: "note", speaker: "agent", text: "Noted." },
    ],
    lines: ["system: A fact.", "assistant: Noted."],
  },
  { because: "words are trimmed, blanks alone are nothing", turns: [reply(" ")], lines: [] },
  {
    because: "calls of one place come first, then their results",
    turns: [reply("Wait. Done."), tool("a", { offset: 5 }), tool("b", { offset: 5 })],
    lines: [
      "assistant: Wait.",
      "call a: find {}",
      "call b: find {}",
      "result a: yes",
      "result b: yes",
      "assistant: Done.",
    ],
  },
  {
    because: "calls of a reply that said nothing stand by themselves",
    turns: [tool("a"), { ...base, text: "Well?" }],
    lines: ["call a: find {}", "result a: yes", "user: Well?"],
  },
  {
    because: "an offset past the heard words stands at their end",
    turns: [reply("Wait."), tool("a", { offset: 40 })],
    lines: ["assistant: Wait.", "call a: find {}", "result a: yes"],
  },
  {
    because: "the name of a part goes with its words",
    turns: [reply("One. Two.")],
    marks: [
      { phase: "commentary", offset: 0, toolsBefore: 0 },
      { phase: undefined, offset: 4, toolsBefore: 0 },
    ],
    lines: ["assistant(commentary): One.", "assistant: Two."],
  },
])("$because", ({ turns, marks = [], lines }) => {
  expect(itemLines(chatItems(turns, () => marks))).toEqual(lines)
})

test("a tool that still runs has a result that says so", () => {
  const items = chatItems([reply(""), tool("a", { output: null, ok: null })], () => [])
  expect(items.filter(({ type }) => type === "tool-result")).toEqual([
    expect.objectContaining({ callId: "a", output: expect.stringContaining("STILL_RUNNING") }),
  ])
})

test("an opaque item stands before the call that it belongs to", () => {
  const items = chatItems([reply("Wait."), tool("a", { offset: 5 })], () => [opaque(5, 0)])
  expect(items.map(({ type }) => type)).toEqual(["message", "opaque", "tool-call", "tool-result"])
})
