import { expect, test } from "bun:test"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import type { Fault } from "../fakes/twilio-server.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { jsonOf, prompt, setupFrame, voiceForm } from "../server/client.ts"

const account = (twilio: FakeTwilio) => ({
  TWILIO_ACCOUNT_SID: twilio.accountSid,
  TWILIO_API_BASE_URL: twilio.baseUrl,
  TWILIO_TIMEOUT_MS: "200",
})

/** A call that Twilio knows and that has a session. */
async function liveCall(app: AppUnderTest, twilio?: FakeTwilio) {
  const call = await app.incoming()
  twilio?.addCall({ sid: call.callSid, status: "in-progress" })
  const socket = app.socket(call.socketUrl)
  await socket.opened
  socket.send(setupFrame(call.callSid))
  socket.send(prompt("Hello"))
  await socket.frames.next(({ last }) => last === true)
  return { ...call, socket }
}

async function end(app: AppUnderTest, callSid: string) {
  const answer = await app.post(`/v1/calls/${callSid}/end`)
  return { status: answer.status, body: await jsonOf(answer) }
}

test("a call is ended at Twilio, and the API is on record as who ended it", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { callSid } = await liveCall(app, twilio)
  expect(await end(app, callSid)).toMatchObject({
    status: 200,
    body: { endedBy: "api", endReason: "ended through the API" },
  })
  expect(twilio.calls.get(callSid)?.status).toBe("completed")
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "completed", endedBy: "api" })
})

test("a status that comes before Twilio's answer finds who ended the call", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { callSid } = await liveCall(app, twilio)
  const answered = Promise.withResolvers<void>()
  twilio.fault({ kind: "wait", until: answered.promise })
  const ending = end(app, callSid)
  await twilio.received(1)
  expect(await app.counts()).toMatchObject({ endingCalls: 1 })
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  answered.resolve()
  expect(await ending).toMatchObject({ status: 200, body: { status: "completed", endedBy: "api" } })
  expect(await app.counts()).toMatchObject({ endingCalls: 0 })
})

test("a call that is over stays as it is, and Twilio is not asked", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { callSid } = await app.incoming()
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "busy" }))
  expect(await end(app, callSid)).toMatchObject({ status: 200, body: { status: "busy", endedBy: "system" } })
  expect(twilio.requests).toEqual([])
})

test("a call that is over at Twilio already is no failure", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { callSid } = await app.incoming()
  twilio.addCall({ sid: callSid, status: "completed" })
  expect((await end(app, callSid)).status).toBe(200)
})

test("a call that Twilio does not know is reported, and stays on record as it was", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { callSid } = await app.incoming()
  expect(await end(app, callSid)).toMatchObject({ status: 404, body: { error: { code: "NOT_FOUND" } } })
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "ringing", endedBy: null })
})

test("a conversation of a call that Twilio does not know is ended all the same", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { callSid, socket } = await liveCall(app)
  expect((await end(app, callSid)).status).toBe(200)
  app.clock.advance(20_000)
  const handoffData = JSON.stringify({ reasonCode: "api", reason: "ended through the API" })
  expect(await socket.frames.next(({ type }) => type === "end")).toEqual({ type: "end", handoffData })
})

test("without an account a conversation is ended by its own frame, and a call without one cannot be", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socket } = await liveCall(app)
  expect((await end(app, callSid)).status).toBe(200)
  app.clock.advance(20_000)
  expect(await socket.frames.next(({ type }) => type === "end")).toBeObject()
  const silent = await app.incoming()
  const refused = await end(app, silent.callSid)
  expect({ status: refused.status, code: refused.body.error.code }).toEqual({
    status: 503,
    code: "NOT_CONFIGURED",
  })
  expect(refused.body.error.message).toContain("TWILIO_ACCOUNT_SID")
})

test.each<[string, Fault | "hang"]>([
  ["does not answer", "hang"],
  ["fails", { kind: "answer", status: 500, body: {} }],
])("where Twilio %s the call is not on record as ended", async (_, fault) => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { callSid } = await liveCall(app, twilio)
  const hangs = fault === "hang" ? twilio.hang() : twilio.fault(fault)
  const ending = end(app, callSid)
  await hangs
  app.clock.advance(fault === "hang" ? 200 : 0)
  expect(await ending).toMatchObject({ status: 502, body: { error: { code: "UPSTREAM_FAILED" } } })
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ endedBy: null })
  expect(await app.counts()).toMatchObject({ endingCalls: 0 })
})

test("a call that has no SID yet is a conflict, which passes", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const hangs = twilio.hang()
  const placing = app.post("/v1/calls", { to: "+15550100003", from: "+15550100002" })
  await hangs
  app.clock.advance(200)
  const lost = await jsonOf(await placing)
  expect(await end(app, lost.error.details[0].value)).toMatchObject({
    status: 409,
    body: { error: { code: "CONFLICT" } },
  })
})
