import { expect, test } from "bun:test"
import type { CallEvent } from "../../src/call/events.ts"
import { EMBEDDED_PRICES } from "../../src/assets/prices.ts"
import { usageOf } from "../../src/control/usage.ts"
import { createRecorder } from "../../src/store/recorder.ts"
import { openStore } from "../../src/store/open-store.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { TestClock } from "../lib/test-clock.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { jsonOf, voiceForm } from "../server/client.ts"
import { sampleCall } from "../store/fixture.ts"
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

test("the connection and each session count in started minutes, at the prices of their kind", async () => {
  using clock = new TestClock()
  await using store = await openStore({ url: ":memory:" })
  await using recorder = createRecorder({ store, sweep: clock.sweep })
  const { id } = await store.calls.create(sampleCall({ direction: "outbound", createdAt: clock.now() }))
  const startedAt = clock.now()
  await store.calls.advanceStatus(id, "in-progress", { at: startedAt })
  const session = (engine: string, fromMs: number, toMs: number | undefined) => {
    const at = (ms: number, event: CallEvent) =>
      recorder.event({ callId: id, callSid: null, at: startedAt + ms, event })
    at(fromMs, { type: "session.opened", engine, sessionId: "VX1", resume: 0 })
    if (toMs !== undefined) at(toMs, { type: "session.closed", code: 1000, reason: "" })
  }
  session("realtime", 0, 61_000)
  // Its process died; the next one resumed the call.
  session("relay", 70_000, undefined)
  session("relay", 100_000, undefined)
  const followUps = { createdAt: 1, outcome: false, jobs: [] }
  await store.calls.advanceStatus(id, "completed", {
    at: startedAt + 125_000,
    durationSeconds: 125,
    end: { by: "caller", reason: "", followUps },
  })
  const call = await store.calls.byId(id)
  if (!call) throw new Error("no call")
  const prices = {
    "twilio:voice-outbound": { perMinute: 0.5 },
    "twilio:conversation-relay": { perMinute: 1 },
  }
  expect(await usageOf({ store, prices }, call)).toEqual([
    { kind: "carrier", model: "twilio:voice-outbound", amounts: { seconds: 125, minutes: 3 }, cost: 1.5 },
    { kind: "stream", model: "twilio:media-stream", amounts: { seconds: 61, minutes: 2 }, cost: null },
    { kind: "relay", model: "twilio:conversation-relay", amounts: { seconds: 55, minutes: 2 }, cost: 2 },
  ])
})

test("what Twilio charges is read once the call has ended, and is null where Twilio does not answer", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start({
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
  })
  const { callSid, id } = await jsonOf(
    await app.post("/v1/calls", { to: "+15550100003", from: "+15550100002" }),
  )
  const priceOf = async () => (await app.json(`/v1/calls/${callSid}/usage`)).twilioPrice
  twilio.addCall({ sid: callSid, price: "-0.02800" })
  expect(await priceOf()).toBeNull()
  await app.webhook(`/twilio/status?call=${id}`, voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  expect(await priceOf()).toEqual({ amount: 0.028, currency: "USD" })
  twilio.calls.delete(callSid)
  expect(await priceOf()).toBeNull()
})
