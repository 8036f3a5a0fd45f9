import { expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import { newCallId } from "../../src/call/ids.ts"
import { observedEvents } from "../../src/observers/observer-events.ts"

const PLACE = { id: 7, at: "2026-11-27T12:00:00.000Z" }

function observed(event: CallEvent): object[] {
  return observedEvents({ callId: newCallId(), callSid: null, id: 7, at: Date.parse(PLACE.at), event })
}

const spoken = { event: "transcription", turnId: "t1", kind: "speech", interrupted: false }

test.each<{ because: string; event: CallEvent; messages: object[] }>([
  {
    because: "words of the caller",
    event: { type: "caller.spoke", turnId: "t1", text: "Hello", lang: "en-US" },
    messages: [{ ...spoken, speaker: "caller", text: "Hello" }],
  },
  {
    because: "keys of the caller",
    event: { type: "digits.received", turnId: "t1", digits: "12#" },
    messages: [{ ...spoken, speaker: "caller", kind: "keypad", text: "12#" }],
  },
  {
    because: "words of the agent",
    event: { type: "agent.spoke", turnId: "t1", text: "Good day.", interrupted: false },
    messages: [{ ...spoken, speaker: "agent", text: "Good day." }],
  },
  {
    because: "interrupted words: the text that was heard, then the interruption",
    event: { type: "agent.spoke", turnId: "t1", text: "Good", interrupted: true },
    messages: [
      { ...spoken, speaker: "agent", text: "Good", interrupted: true },
      { event: "interruption", turnId: "t1", text: "Good" },
    ],
  },
  {
    because: "words of which nothing was heard: the interruption alone",
    event: { type: "agent.spoke", turnId: "t1", text: "", interrupted: true },
    messages: [{ event: "interruption", turnId: "t1", text: "" }],
  },
  {
    because: "nothing said and nothing interrupted",
    event: { type: "agent.spoke", turnId: "t1", text: "", interrupted: false },
    messages: [],
  },
  {
    because: "a status with the one before",
    event: { type: "call.status-changed", status: "in-progress", previous: "ringing" },
    messages: [{ event: "status", status: "in-progress", previous: "ringing" }],
  },
  {
    because: "the end with its reason",
    event: { type: "call.ended", by: "caller", reason: "hung up" },
    messages: [{ event: "ended", by: "caller", reason: "hung up" }],
  },
  {
    because: "the start of a tool",
    event: { type: "tool.started", toolCallId: "c1", name: "find" },
    messages: [{ event: "tool", state: "started", toolCallId: "c1", name: "find" }],
  },
  {
    because: "every other event as it is",
    event: { type: "reply.started", replyId: "r1" },
    messages: [{ event: "fact", type: "reply.started", replyId: "r1" }],
  },
])("$because", ({ event, messages }) => {
  expect(observed(event)).toEqual(messages.map((message) => ({ ...message, ...PLACE })))
})
