import { expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import { ReplyEvents } from "../../src/realtime/reply-events.ts"
import { TestClock } from "../lib/test-clock.ts"

function setUp() {
  const clock = new TestClock()
  const events: CallEvent[] = []
  return { clock, events, replies: new ReplyEvents({ clock, publish: (event) => events.push(event) }) }
}

test.each([
  ["completed", "said"],
  ["incomplete", "said"],
  ["cancelled", "interrupted"],
  ["failed", "failed"],
] as const)("a response with status %s is published as a reply that was %s", (status, outcome) => {
  const { clock, events, replies } = setUp()
  replies.started({ id: "resp_1" })
  clock.advance(700)
  replies.finished({ id: "resp_1", status, usage: null })
  expect(events).toEqual([
    { type: "reply.started", replyId: "resp_1" },
    { type: "reply.finished", replyId: "resp_1", outcome, tookMs: 700 },
  ])
})

test("the usage of a response is part of its end", () => {
  const { events, replies } = setUp()
  const usage = {
    inputTokens: 20,
    inputTextTokens: 12,
    inputAudioTokens: 8,
    cachedTokens: 4,
    cachedAudioTokens: 3,
    outputTokens: 10,
    outputTextTokens: 3,
    outputAudioTokens: 7,
  }
  replies.started({ id: "resp_1" })
  replies.finished({ id: "resp_1", status: "completed", usage })
  expect(events.at(-1)).toMatchObject({ inputTokens: 20, cachedTokens: 4, outputTokens: 10 })
})

test("a response without a start gets no end, and none ends twice", () => {
  const { events, replies } = setUp()
  replies.finished({ id: "resp_0", status: "completed", usage: null })
  replies.started({ id: "resp_1" })
  replies.finished({ id: "resp_1", status: "completed", usage: null })
  replies.finished({ id: "resp_1", status: "completed", usage: null })
  expect(events.map(({ type }) => type)).toEqual(["reply.started", "reply.finished"])
})

test("with a lost connection every running response has failed, once", () => {
  const { clock, events, replies } = setUp()
  replies.started({ id: "resp_1" })
  clock.advance(100)
  replies.started({ id: "resp_2" })
  clock.advance(100)
  replies.connectionLost()
  replies.connectionLost()
  replies.finished({ id: "resp_1", status: "completed", usage: null })
  expect(events.slice(2)).toEqual([
    { type: "reply.finished", replyId: "resp_1", outcome: "failed", tookMs: 200 },
    { type: "reply.finished", replyId: "resp_2", outcome: "failed", tookMs: 100 },
  ])
})
