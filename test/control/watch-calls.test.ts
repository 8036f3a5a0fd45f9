import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { jsonOf, prompt, setupFrame, voiceForm } from "../server/client.ts"

const account = (twilio: FakeTwilio) => ({
  TWILIO_ACCOUNT_SID: twilio.accountSid,
  TWILIO_API_BASE_URL: twilio.baseUrl,
  TWILIO_TIMEOUT_MS: "200",
})

async function liveCall(app: AppUnderTest) {
  const call = await app.incoming({ CallStatus: "in-progress" })
  const socket = app.socket(call.socketUrl)
  await socket.opened
  socket.send(setupFrame(call.callSid))
  socket.send(prompt("Hello"))
  await socket.frames.next(({ last }) => last === true)
  return { ...call, socket }
}

/** The record of a call once it has this status: it comes with Twilio's answer. */
async function recordAt(app: AppUnderTest, callSid: string, status: string) {
  await app.status(callSid, status)
  return app.json(`/v1/calls/${callSid}`)
}

test("a call without a session is asked about every minute, and Twilio's answer counts", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { callSid } = await app.incoming()
  const remote = twilio.addCall({ sid: callSid, status: "in-progress" })
  app.clock.advance(59_000)
  expect(twilio.requests).toHaveLength(0)
  app.clock.advance(6_000)
  await twilio.received(1)
  expect(await recordAt(app, callSid, "in-progress")).toMatchObject({ endedAt: null })
  remote.status = "completed"
  remote.end_time = "Fri, 20 Nov 2026 00:01:30 +0000"
  remote.duration = "25"
  app.clock.advance(60_000)
  await twilio.received(2)
  expect(await recordAt(app, callSid, "completed")).toMatchObject({
    endedAt: "2026-11-20T00:01:30.000Z",
    durationSeconds: 25,
    endedBy: "caller",
  })
  app.clock.advance(600_000)
  expect(twilio.requests).toHaveLength(2)
  expect(await app.counts()).toMatchObject({ watchedCalls: 0 })
})

test("a call with a session is left alone", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  await liveCall(app)
  app.clock.advance(300_000)
  expect(twilio.requests).toEqual([])
})

test("a call is answered once its socket has opened, whatever Twilio reports", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socketUrl } = await app.incoming()
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "ringing", answeredAt: null })
  const socket = app.socket(socketUrl)
  await socket.opened
  socket.send(setupFrame(callSid))
  await app.events.next(({ event }) => event.type === "session.opened")
  expect(await recordAt(app, callSid, "in-progress")).toMatchObject({
    answeredAt: "2026-11-20T00:00:00.000Z",
  })
})

test("at the longest length the caller hears a farewell, and then the call is ended from outside", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start({ ...account(twilio), MAX_CALL_MS: "60000" })
  const { callSid, socket } = await liveCall(app)
  twilio.addCall({ sid: callSid, status: "in-progress" })
  app.clock.advance(65_000)
  const farewell = await socket.frames.next(({ token }) => String(token).includes("run out of time"))
  expect(farewell).toMatchObject({ type: "text", last: true })
  app.clock.advance(20_000)
  expect(await recordAt(app, callSid, "completed")).toMatchObject({
    endedBy: "limit",
    endReason: "the longest allowed length was reached",
  })
  expect(twilio.calls.get(callSid)?.status).toBe("completed")
  await socket.closed
})

test("a call past its length that Twilio does not know is over", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start({ ...account(twilio), MAX_CALL_MS: "60000" })
  const { callSid } = await app.incoming()
  app.clock.advance(90_000)
  expect(await recordAt(app, callSid, "completed")).toMatchObject({ endedBy: "limit" })
})

test("without an account a call past its length is over on its own", async () => {
  await using app = await AppUnderTest.start({ MAX_CALL_MS: "60000" })
  const { callSid } = await app.incoming()
  app.clock.advance(90_000)
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "completed", endedBy: "limit" })
})

test("a call that Twilio never confirmed has failed after a quarter of an hour", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const hangs = twilio.hang()
  const placing = app.post("/v1/calls", { to: "+15550100003", from: "+15550100002" })
  await hangs
  app.clock.advance(200)
  const lost = await jsonOf(await placing)
  const path = `/v1/calls/${lost.error.details[0].value}`
  app.clock.advance(14 * 60_000)
  expect(await app.json(path)).toMatchObject({ status: "queued" })
  app.clock.advance(2 * 60_000)
  expect(await app.json(path)).toMatchObject({
    status: "failed",
    endReason: "Twilio never confirmed that it was placed",
  })
})

test("after a restart every open call is asked about at once, ten at a time", async () => {
  const dir = mkdtempSync(join(tmpdir(), "parley-watch-"))
  try {
    await using twilio = new FakeTwilio()
    const env = { ...account(twilio), DATABASE_URL: `file:${join(dir, "x.db")}` }
    const sids: string[] = []
    {
      await using app = await AppUnderTest.start(env)
      for (let count = 0; count < 12; count++) sids.push((await app.incoming()).callSid)
    }
    for (const sid of sids) twilio.addCall({ sid, status: "completed", duration: "3" })
    const answers = Promise.withResolvers<void>()
    for (const _ of sids) twilio.fault({ kind: "wait", until: answers.promise })
    await using app = await AppUnderTest.start(env)
    await twilio.received(10)
    expect(twilio.requests).toHaveLength(10)
    answers.resolve()
    await twilio.received(12)
    for (const sid of sids) await recordAt(app, sid, "completed")
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test("a Twilio that cannot be reached changes nothing, and is asked again", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { callSid } = await app.incoming()
  twilio.fault({ kind: "answer", status: 500, body: {} })
  app.clock.advance(65_000)
  await twilio.received(1)
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "ringing" })
  twilio.addCall({ sid: callSid, status: "no-answer" })
  app.clock.advance(65_000)
  expect(await recordAt(app, callSid, "no-answer")).toBeObject()
})

test("ended calls are deleted at their age, and receipts after a day", async () => {
  await using app = await AppUnderTest.start({ RETENTION_MS: "7200000" })
  const { callSid, form } = await app.incoming()
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  app.clock.advance(3_600_000)
  expect((await app.api(`/v1/calls/${callSid}`)).status).toBe(200)
  expect((await app.webhook("/twilio/voice", form)).status).toBe(403)
  app.clock.advance(2 * 3_600_000)
  expect((await app.api(`/v1/calls/${callSid}`)).status).toBe(404)
})

test.each([
  ["with an account that does not have it", true],
  ["without an account", false],
])("a call whose server was killed ended with its last words: %s", async (_, hasAccount) => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(
    // The clock moves by minutes while requests run.
    hasAccount ? { ...account(twilio), TWILIO_TIMEOUT_MS: "3600000" } : {},
  )
  const { callSid, socket } = await liveCall(app)
  socket.close()
  await app.events.next(({ event }) => event.type === "session.closed")
  app.clock.advance(29 * 60_000)
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "in-progress" })
  await app.clock.pass(3 * 60_000)
  const record = await recordAt(app, callSid, "completed")
  expect(record).toMatchObject({
    endedBy: "system",
    endReason: "its server ended, and Twilio does not know the call",
  })
  expect(Date.parse(record.endedAt)).toBeLessThan(app.clock.now() - 30 * 60_000)
})
