/** The clock of the machine is set in the middle of calls. */

import { expect, test } from "bun:test"
import { says } from "../fakes/openai-script.ts"
import { eventOf, greeted, realtimeHarness, sent, speaks, transcriptOf } from "./realtime-harness.ts"
import { answered, connected, relayHarness, received } from "./relay-harness.ts"

const STEPS = [
  ["back by ten minutes", -10 * 60_000],
  ["forward by two hours", 2 * 60 * 60_000],
] as const
/** What is recorded is written within this time. */
const WRITTEN_MS = 100

test.each(STEPS)("a relay call goes on when the clock is set %s", async (_, step) => {
  await using harness = await relayHarness({ env: { MAX_CALL_MS: "600000" } })
  const { clock, openai, twilio, app } = harness
  const call = twilio.call()
  await connected(call)
  await received(app, call)
  clock.advance(6_000)
  await call.agentTurn()

  clock.step(step)
  clock.advance(10_000)
  openai.enqueue(says("We open at nine."))
  call.say("When do you open?")
  await answered(call)
  clock.advance(WRITTEN_MS)
  expect(await app.counts()).toMatchObject({ waitingRows: 0 })
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ status: "in-progress", live: true })
  clock.advance(3_000)
  expect(await call.agentTurn()).toBe("We open at nine.")

  openai.enqueue(says("Goodbye."))
  clock.step(-step)
  call.say("Bye")
  await answered(call)
  clock.advance(10_000)
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ status: "in-progress", live: true })
  call.hangup()
  expect(await call.ended).toMatchObject({ problems: [] })
})

test.each(STEPS)("a silent caller is reminded at the same pace when the clock is set %s", async (_, step) => {
  const reminders = async (stepMs: number) => {
    await using harness = await relayHarness()
    const { clock, twilio, app } = harness
    const call = twilio.call()
    await connected(call)
    await received(app, call)
    clock.advance(6_000)
    await call.agentTurn()
    const startedMs = clock.monotonic()
    clock.step(stepMs)
    for (let n = 0; n < 1_200 && call.spoken.count < 3; n++) clock.advance(100)
    return [call.spoken.all.map(({ text }) => text), clock.monotonic() - startedMs]
  }
  expect(await reminders(step)).toEqual(await reminders(0))
})

test.each(STEPS)("a realtime call goes on when the clock is set %s", async (_, step) => {
  await using harness = await realtimeHarness({ env: { MAX_CALL_MS: "600000" } })
  const { clock, app } = harness
  const { call, model } = await greeted(harness)
  clock.step(step)
  clock.advance(10_000)
  speaks(model, "When do you open?")
  await eventOf(harness, "caller.spoke")
  const answer = model.respond({ parts: [{ say: "We open at nine.", ms: 1_000 }] })
  await sent(call, 1_000)
  await answer
  clock.advance(1_100)
  await eventOf(harness, "agent.spoke")
  clock.advance(WRITTEN_MS)
  expect(await app.counts()).toMatchObject({ waitingRows: 0 })
  expect((await transcriptOf(harness, call)).slice(1)).toEqual([
    "caller: When do you open?",
    "agent: We open at nine.",
  ])
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ status: "in-progress", live: true })
  expect(model.errors).toEqual([])
})

test("the longest length of a call is counted in time that passes", async () => {
  await using harness = await relayHarness({ env: { MAX_CALL_MS: "90000" } })
  const { clock, twilio, app } = harness
  const call = twilio.call()
  await connected(call)
  await received(app, call)
  clock.advance(6_000)
  await call.agentTurn()
  // Calls are looked at every five seconds.
  expect(await app.counts()).toMatchObject({ openSockets: 1 })
  clock.step(-2 * 60 * 60_000)
  clock.advance(60_000)
  expect(await app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ live: true })
  // The end of the session comes after a farewell.
  const isLive = async () => (await app.json(`/v1/calls/${call.callSid}`)).live
  for (let seconds = 0; seconds < 60 && (await isLive()); seconds++) clock.advance(1_000)
  const { event } = await app.events.next(({ event: { type } }) => type === "session.ended")
  expect(event).toMatchObject({ reason: "time-limit" })
})
