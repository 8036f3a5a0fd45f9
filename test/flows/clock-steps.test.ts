/** The clock of the machine is set in the middle of calls. */

import { expect, test } from "bun:test"
import { says } from "../fakes/openai-script.ts"
import { eventOf, greeted, realtimeHarness, sent, speaks, transcriptOf } from "./realtime-harness.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { setupFrame } from "../server/client.ts"
import { answered, connected, relayHarness, received } from "./relay-harness.ts"

const STEPS = [
  ["back by ten minutes", -10 * 60_000],
  ["forward by two hours", 2 * 60 * 60_000],
] as const
/** What is recorded is written within this time. */
const WRITTEN_MS = 100

test.each(STEPS)("a relay call continues when the clock is set %s", async (_, step) => {
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

test.each(STEPS)("a realtime call continues when the clock is set %s", async (_, step) => {
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

const HOUR_STEPS = [
  ["forward", 60 * 60_000],
  ["back", -60 * 60_000],
] as const

/** A server with an account, on a database of its own. */
async function serverWithAccount(env: Record<string, string> = {}) {
  const twilio = new FakeTwilio()
  const app = await AppUnderTest.start({
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
    ...env,
  })
  const place = async (headers: Record<string, string> = {}) =>
    (await app.post("/v1/calls", { to: "+15550100003", from: "+15550100002" }, headers)).status
  return {
    app,
    twilio,
    place,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await twilio[Symbol.asyncDispose]()
    },
  }
}

test.each(HOUR_STEPS)("a limit of calls lasts a minute when the clock is set %s", async (_, step) => {
  await using it = await serverWithAccount({ SERVER_CALL_STARTS_PER_MINUTE: "1" })
  expect(await it.place()).toBe(201)
  it.app.clock.step(step)
  it.app.clock.advance(50_000)
  expect(await it.place()).toBe(429)
  it.app.clock.advance(11_000)
  expect(await it.place()).toBe(201)
})

test.each(HOUR_STEPS)("a limit of messages lasts a minute when the clock is set %s", async (_, step) => {
  await using app = await AppUnderTest.start({ SERVER_MESSAGES_PER_MINUTE: "1" })
  const ask = async () => (await app.post("/v1/conversations", { message: "Hello" })).status
  expect(await ask()).toBe(200)
  app.clock.step(step)
  app.clock.advance(50_000)
  expect(await ask()).toBe(429)
  app.clock.advance(11_000)
  expect(await ask()).toBe(200)
})

test.each(HOUR_STEPS)("the token of a socket lasts its time when the clock is set %s", async (_, step) => {
  await using app = await AppUnderTest.start()
  const open = async (waitMs: number) => {
    const { callSid, socketUrl } = await app.incoming()
    app.clock.step(step)
    app.clock.advance(waitMs)
    const socket = app.socket(socketUrl)
    const refused = socket.closed.then(() => "refused")
    const opened = app.events.next(({ event }) => event.type === "session.opened").then(() => "opened")
    await socket.opened
    socket.send(setupFrame(callSid))
    return Promise.race([opened, refused])
  }
  expect([await open(20_000), await open(70_000)]).toEqual(["opened", "refused"])
})

test.each(HOUR_STEPS)("an uncertain call stays uncertain when the clock is set %s", async (_, step) => {
  await using it = await serverWithAccount({ TWILIO_TIMEOUT_MS: "200" })
  const key = { "Idempotency-Key": "k" }
  it.twilio.fault({ kind: "drop" })
  expect(await it.place(key)).toBe(502)
  it.app.clock.step(step)
  it.app.clock.advance(100_000)
  expect(await it.place(key)).toBe(409)
  it.app.clock.advance(30_000)
  expect(await it.place(key)).toBe(201)
})
