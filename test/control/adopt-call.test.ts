/** A socket that another application's TwiML opened: which call is accepted, and which is not. */

import { expect, test } from "bun:test"
import { newSid } from "../../src/sim/sids.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { prompt, setupFrame, voiceForm } from "../server/client.ts"

const SOCKET = "wss://parley.test/conversation-relay"
const PATH = "/connectConversationRelay"

function settings(twilio: FakeTwilio, env: Record<string, string> = {}) {
  return { TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_API_BASE_URL: twilio.baseUrl, ...env }
}

async function opened(app: AppUnderTest, callSid: string, parameters: Record<string, string> = {}) {
  const socket = app.socket(SOCKET)
  await socket.opened
  socket.send(setupFrame(callSid, parameters))
  return socket
}

test("a call that Twilio confirms is recorded as Twilio knows it, and what waited is answered", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const { sid } = twilio.addCall({ status: "in-progress", direction: "inbound", from: "+15550100077" })
  const socket = await opened(app, sid, { callReference: "r-1" })
  socket.send(prompt("What are your opening hours?"))
  expect(await socket.frames.next(({ last }) => last === true)).toMatchObject({ type: "text" })
  expect(await app.json(`/v1/calls/${sid}`)).toMatchObject({
    direction: "inbound",
    status: "in-progress",
    from: "+15550100077",
    live: true,
    parameters: { callReference: "r-1" },
  })
  expect(twilio.requests.map(({ method }) => method)).toEqual(["GET"])
  const { turns } = await app.json(`/v1/calls/${sid}/transcript`)
  // The greeting in the other application's TwiML is not known to us.
  expect(turns[0]).toMatchObject({ speaker: "caller", text: "What are your opening hours?" })
})

test("the same setup once more is refused while the first has its session, and accepted after it", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const { sid } = twilio.addCall({ status: "in-progress" })
  const first = await opened(app, sid)
  const kinds = () => app.events.next(({ event }) => event.type === "session.opened")
  await kinds()
  const replayed = await opened(app, sid)
  expect((await replayed.closed).code).toBe(4403)
  first.close()
  await app.events.next(({ event }) => event.type === "session.closed")
  await opened(app, sid)
  await kinds()
  expect(await app.json(`/v1/calls/${sid}`)).toMatchObject({ live: true })
})

test("two sockets at once for the same call: one of them gets it", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const { sid } = twilio.addCall({ status: "ringing" })
  const answer = Promise.withResolvers<void>()
  twilio.fault({ kind: "wait", until: answer.promise }, { kind: "wait", until: answer.promise })
  const sockets = [await opened(app, sid), await opened(app, sid)]
  await twilio.received(2)
  answer.resolve()
  const { code } = await Promise.race(sockets.map(({ closed }) => closed))
  const sessions = app.events.all.filter(({ event }) => event.type === "session.opened")
  expect({ code, sessionCount: sessions.length }).toEqual({ code: 4403, sessionCount: 1 })
})

test.each([
  ["is over", { status: "completed" }],
  ["was never dialled", { status: "queued" }],
])("a call that %s at Twilio is refused", async (_, fields) => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const { sid } = twilio.addCall(fields)
  expect((await (await opened(app, sid)).closed).code).toBe(4403)
  expect((await app.api(`/v1/calls/${sid}`)).status).toBe(404)
})

test("a call that Twilio does not know is refused", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  expect((await (await opened(app, newSid("CA"))).closed).code).toBe(4403)
})

test("without an account no call can be confirmed, so it is refused", async () => {
  await using app = await AppUnderTest.start()
  expect((await (await opened(app, newSid("CA"))).closed).code).toBe(4403)
})

test("a call that was given a token must bring it", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const form = voiceForm()
  await app.webhook(PATH, form)
  expect((await (await opened(app, form["CallSid"] ?? "")).closed).code).toBe(4403)
  expect(twilio.requests).toEqual([])
})

test("a known call that is over is refused without asking Twilio", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const form = voiceForm()
  await app.webhook(PATH, form)
  await app.webhook("/twilio/status", { ...form, CallStatus: "completed" })
  expect((await (await opened(app, form["CallSid"] ?? "")).closed).code).toBe(4403)
  expect(twilio.requests).toEqual([])
})

test("past the limit of calls at once no other application's call is accepted", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio, { MAX_CONCURRENT_CALLS: "1" }))
  await app.incoming()
  const { sid } = twilio.addCall({ status: "in-progress" })
  expect((await (await opened(app, sid)).closed).code).toBe(1011)
})

test("a setup that was captured is refused after its session: one socket for each session of Twilio's", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const { sid } = twilio.addCall({ status: "in-progress" })
  const setup = setupFrame(sid)
  const first = app.socket(SOCKET)
  await first.opened
  first.send(setup)
  await app.events.next(({ event }) => event.type === "session.opened")
  first.close()
  await app.events.next(({ event }) => event.type === "session.closed")
  const replayed = app.socket(SOCKET)
  await replayed.opened
  replayed.send(setup)
  expect((await replayed.closed).code).toBe(4403)
})

test("a known call is refused once Twilio says that it is over", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const call = twilio.addCall({ status: "in-progress" })
  const first = await opened(app, call.sid)
  await app.events.next(({ event }) => event.type === "session.opened")
  first.close()
  await app.events.next(({ event }) => event.type === "session.closed")
  call.status = "completed"
  expect((await (await opened(app, call.sid)).closed).code).toBe(4403)
})
