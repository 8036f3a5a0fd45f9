/** The reason of a session's end, on its way through Twilio and back, and from older databases. */

import { expect, test } from "bun:test"
import { currentEvent, type CallEvent } from "../../src/call/events.ts"
import { decodeHandoffData, encodeHandoffData, limitLength, SessionEnd } from "../../src/call/session-end.ts"

test.each<[end: SessionEnd, handoffData: string]>([
  [
    { reason: "agent-ended", detail: "Ending the call", summary: "Settled." },
    '{"reasonCode":"end-call","reason":"Ending the call","conversationSummary":"Settled."}',
  ],
  [{ reason: "agent-ended", detail: "Done" }, '{"reasonCode":"end-call","reason":"Done"}'],
  [
    { reason: "transfer", summary: "Has a <bill>." },
    '{"reasonCode":"live-agent-handoff","reason":"Has a <bill>."}',
  ],
  [
    { reason: "transfer", summary: "", to: "+15550100077" },
    '{"reasonCode":"live-agent-handoff","reason":"","transferTo":"+15550100077"}',
  ],
  [
    { reason: "silence", detail: "The caller was not speaking" },
    '{"reasonCode":"unresponsive","reason":"The caller was not speaking"}',
  ],
  [{ reason: "time-limit", detail: "too long" }, '{"reasonCode":"time-limit","reason":"too long"}'],
  [{ reason: "api", detail: "x" }, '{"reasonCode":"api","reason":"x"}'],
  [{ reason: "model-failed", detail: "x" }, '{"reasonCode":"model-failed","reason":"x"}'],
  [{ reason: "model-refused", detail: "x" }, '{"reasonCode":"model-refused","reason":"x"}'],
  [{ reason: "lost", detail: "x" }, '{"reasonCode":"lost","reason":"x"}'],
])("%j travels as %s", (end, handoffData) => {
  expect(encodeHandoffData(end)).toBe(handoffData)
  expect(decodeHandoffData(handoffData)).toEqual(end)
  expect(SessionEnd.parse(end)).toEqual(end)
})

const UNKNOWN: SessionEnd = { reason: "agent-ended", detail: "the session was ended" }

test.each<[string, string | null, SessionEnd]>([
  ["no data", null, UNKNOWN],
  ["no JSON", "{", UNKNOWN],
  ["a list", "[]", UNKNOWN],
  ["data of another program", '{"queue":"billing"}', UNKNOWN],
  ["a target that is no text", '{"reasonCode":"live-agent-handoff","transferTo":1}', UNKNOWN],
  ["no text", '{"reasonCode":"time-limit"}', { reason: "time-limit", detail: "time-limit" }],
  ["an unknown code", '{"reasonCode":"x","reason":"y"}', { reason: "agent-ended", detail: "y" }],
  [
    "a word of the language itself",
    '{"reasonCode":"constructor","reason":"__proto__"}',
    { reason: "agent-ended", detail: "__proto__" },
  ],
  [
    "a summary that is no text",
    '{"reasonCode":"end-call","reason":"x","conversationSummary":1}',
    { reason: "agent-ended", detail: "x" },
  ],
])("%s is read", (_, handoffData, expected) => expect(decodeHandoffData(handoffData)).toEqual(expected))

test.each<[given: SessionEnd, limited: SessionEnd]>([
  [
    { reason: "agent-ended", detail: "d".repeat(501), summary: "s".repeat(2_001) },
    { reason: "agent-ended", detail: "d".repeat(500), summary: "s".repeat(2_000) },
  ],
  [
    { reason: "transfer", summary: "s".repeat(2_001), to: "sip:a@b" },
    { reason: "transfer", summary: "s".repeat(2_000), to: "sip:a@b" },
  ],
  [
    { reason: "lost", detail: "d".repeat(501) },
    { reason: "lost", detail: "d".repeat(500) },
  ],
])("long texts are cut", (given, limited) => expect(limitLength(given)).toEqual(limited))

test.each<[stored: Record<string, unknown>, event: CallEvent]>([
  [
    {
      type: "session.handed-over",
      reasonCode: "live-agent-handoff",
      reason: "A bill.",
      transferTo: "sip:a@b",
    },
    { type: "session.ended", reason: "transfer", summary: "A bill.", to: "sip:a@b" },
  ],
  [
    { type: "session.handed-over", reasonCode: "end-call", reason: "Ending the call" },
    { type: "session.ended", reason: "agent-ended", detail: "Ending the call" },
  ],
  [
    { type: "session.handed-over", reasonCode: "unresponsive", reason: "silent" },
    { type: "session.ended", reason: "silence", detail: "silent" },
  ],
  [
    { type: "session.handed-over", reasonCode: "model-refused", reason: "401" },
    { type: "session.ended", reason: "model-refused", detail: "401" },
  ],
  [
    { type: "session.ended", reason: "api", detail: "x" },
    { type: "session.ended", reason: "api", detail: "x" },
  ],
])("a stored event %j is read in its present form", (stored, event) => {
  expect(currentEvent({ id: 1, event: stored as CallEvent })).toEqual({ id: 1, event })
})
