import { expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import { EMBEDDED_PRICES } from "../../src/assets/prices.ts"
import { usageOf } from "../../src/control/usage.ts"
import { createRecorder } from "../../src/store/recorder.ts"
import { openStore } from "../../src/store/open-store.ts"
import { TestClock } from "../lib/test-clock.ts"
import { newCallId } from "../../src/call/ids.ts"

test("the replies of a text model are summed up with their cost, beside what a speech model reported", async () => {
  using clock = new TestClock()
  await using store = await openStore({ url: ":memory:" })
  await using recorder = createRecorder({ store, sweep: clock.sweep })
  const call = await store.calls.create({
    id: newCallId(),
    sid: null,
    direction: "inbound",
    status: "queued",
    from: "+15550100001",
    to: "+15550100002",
    agent: "default",
    engine: "relay",
    parameters: {},
    prompt: null,
    firstMessage: null,
    userId: null,
    createdAt: clock.now(),
  })
  const reply = (fields: Partial<Extract<CallEvent, { type: "reply.finished" }>>) =>
    recorder.event({
      callId: call.id,
      callSid: null,
      at: clock.now(),
      event: { type: "reply.finished", replyId: "r", outcome: "said", tookMs: 1, ...fields },
    })
  const model = "openai:gpt-6-luna"
  reply({ model, inputTokens: 1000, cachedTokens: 0, outputTokens: 100 })
  reply({ model, inputTokens: 2000, cachedTokens: 1000, outputTokens: 50 })
  reply({ inputTokens: 7 })
  await store.usage.put(
    call.id,
    { kind: "realtime", model: "m", amounts: { responses: 1 }, cost: 0.5 },
    clock.now(),
  )
  const [realtime, chat] = await usageOf({ store, prices: EMBEDDED_PRICES }, call)
  expect(realtime).toEqual({ kind: "realtime", model: "m", amounts: { responses: 1 }, cost: 0.5 })
  expect(chat).toMatchObject({
    kind: "chat",
    model,
    amounts: { replies: 2, inputTokens: 3000, cachedTokens: 1000, outputTokens: 150 },
  })
  expect(chat?.cost).toBeCloseTo((2000 * 0.1 + 1000 * 0.01 + 150 * 0.5) / 1e6, 12)
})
