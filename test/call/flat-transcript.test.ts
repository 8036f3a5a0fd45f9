import { expect, test } from "bun:test"
import { plainText, plainTranscript } from "../../src/call/flat-transcript.ts"
import { sampleCall } from "../relay/fixture.ts"
import { sampleTurn } from "../store/fixture.ts"

const AT = Date.UTC(2026, 10, 27, 13, 0)
const ISO = "2026-11-27T13:00:00.000Z"

function itemsOf(...turns: Parameters<typeof sampleTurn>[1][]) {
  const call = sampleCall({ answeredAt: AT })
  const all = turns.map((turn) => sampleTurn(call.id, { startedAt: AT, ...turn }))
  const transcript = plainTranscript(call, all)?.transcript.slice(1) ?? []
  return transcript.map(({ role, content }) => `${role}: ${content}`)
}

test.each([
  ["the caller", { text: "Hi" }, ["user: Hi"]],
  ["the agent", { speaker: "agent", text: "Hello" }, ["assistant: Hello"]],
  ["digits", { kind: "keypad", text: "42" }, ["user: [keypad] 42"]],
  ["a note", { kind: "note", speaker: "system", text: "x" }, []],
  ["no text", { speaker: "agent", text: "" }, []],
] as const)("%s", (_, turn, lines) => expect(itemsOf(turn)).toEqual([...lines]))

test("a running call has no end, one that is over has", () => {
  const running = sampleCall({ answeredAt: AT })
  const over = sampleCall({ answeredAt: AT, status: "completed", endedAt: AT + 1000 })
  const marks = [running, over].map((call) =>
    plainTranscript(call, [])?.transcript.map(({ content }) => content),
  )
  expect(marks).toEqual([["Call started"], ["Call started", "Call ended"]])
})

test("the other party's number, and our id for a call without a SID", () => {
  const call = sampleCall({ direction: "outbound", sid: null, answeredAt: AT })
  expect(plainTranscript(call, [])).toMatchObject({ callSid: call.id, phoneNumber: call.to, timestamp: ISO })
})

test("a call that was never answered has no transcript", () => {
  expect(plainTranscript(sampleCall({ answeredAt: null }), [])).toBeUndefined()
})

test("plain text has the spoken lines alone", () => {
  const call = sampleCall({ answeredAt: AT })
  const turns = [
    sampleTurn(call.id, { text: "Hi" }),
    sampleTurn(call.id, { speaker: "agent", text: "Hello" }),
  ]
  const transcript = plainTranscript(call, turns)
  expect(transcript && plainText(transcript)).toBe("Caller: Hi\n\nAssistant: Hello\n")
})
