import { expect, test } from "bun:test"
import { newSid } from "../../src/sim/sids.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { AppUnderTest } from "./app-under-test.ts"
import { jsonOf, prompt, setupFrame, TestSocket, voiceForm } from "./client.ts"

function watch(app: AppUnderTest, path: string, headers: Record<string, string> = {}): TestSocket {
  return new TestSocket(`${app.url.replace("http", "ws")}${path}`, headers)
}

function refused(app: AppUnderTest, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return app.api(path, {
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version": "13",
      ...headers,
    },
  })
}

/** A call whose session runs. */
async function liveCall(app: AppUnderTest) {
  const call = await app.incoming()
  const socket = app.socket(call.socketUrl)
  await socket.opened
  socket.send(setupFrame(call.callSid))
  await app.events.next(({ event, callSid }) => event.type === "session.opened" && callSid === call.callSid)
  return { ...call, socket }
}

/** What an observer was sent up to the frame that matches; what is recorded is sent a moment later. */
async function upTo(app: AppUnderTest, socket: TestSocket, event: string) {
  app.clock.advance(50)
  return socket.frames.next((frame) => frame["event"] === event && frame["speaker"] !== "agent")
}

test("an observer sees the words of a call as they are recorded, with numbers that rise by one", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socket } = await liveCall(app)
  const observer = watch(app, `/v1/calls/${callSid}/stream`)
  expect(await observer.frames.next()).toMatchObject({
    event: "status",
    status: "in-progress",
    live: true,
    seq: 1,
  })
  socket.send(prompt("What are your opening hours?"))
  await app.events.next(({ event }) => event.type === "caller.spoke")
  expect(await upTo(app, observer, "transcription")).toMatchObject({
    text: "What are your opening hours?",
    speaker: "caller",
    interrupted: false,
    id: expect.any(Number),
  })
  expect(observer.frames.all.map(({ seq }) => seq)).toEqual(observer.frames.all.map((_, index) => index + 1))
})

test("a connection that was lost resumes after the last event that was seen", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socket } = await liveCall(app)
  const first = watch(app, `/v1/calls/${callSid}/stream`)
  const { id } = await first.frames.next()
  first.close()
  await first.closed
  socket.send(prompt("One"))
  await app.events.next(({ event }) => event.type === "caller.spoke")
  const second = watch(app, `/v1/calls/${callSid}/stream?after=${String(id)}`)
  expect(await second.frames.next(({ speaker }) => speaker === "caller")).toMatchObject({ text: "One" })
  const third = watch(app, `/v1/calls/${callSid}/stream?after=0`)
  expect(await third.frames.next(({ event }) => event === "fact")).toMatchObject({ type: "call.created" })
})

test("the alias sends nothing before it is asked, and nothing to other frames", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socket } = await liveCall(app)
  const observer = watch(app, `/frontend-stream?callSid=${callSid}&user_id=user123`)
  await observer.opened
  for (const frame of ["", "{", "[]", "null", '{"event":7}', '{"event":"media"}', "x".repeat(200_000)]) {
    observer.send(frame)
  }
  observer.send(new Uint8Array([1, 2, 3]))
  socket.send(prompt("Hello"))
  await app.events.next(({ event }) => event.type === "caller.spoke")
  app.clock.advance(50)
  expect(observer.frames.count).toBe(0)
  // What the frame says is ignored in favour of the query.
  observer.send({ event: "connect-twilio", callSid: newSid("CA"), user_id: "other" })
  expect(await observer.frames.next()).toMatchObject({ event: "status", callSid })
  observer.send({ event: "connect-twilio" })
  socket.send(prompt("Anybody there?"))
  await app.events.next(({ event }) => event.type === "caller.spoke")
  expect(await upTo(app, observer, "transcription")).toMatchObject({ text: "Anybody there?" })
  expect(observer.frames.all.filter(({ callSid: sid }) => sid !== undefined)).toHaveLength(1)
})

test("the alias reports the state of the call at the request, not at the opening", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await liveCall(app)
  const observer = watch(app, `/frontend-stream?callSid=${callSid}&user_id=user123`)
  await observer.opened
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  app.clock.advance(50)
  observer.send({ event: "connect-twilio" })
  expect(await observer.frames.next()).toMatchObject({ event: "status", status: "completed" })
  app.clock.advance(6000)
  expect(await observer.closed).toEqual({ code: 1000, reason: "the call is over" })
})

test.each(["", "?callSid=CA1", "?user_id=u", "?callSid=&user_id=u"])(
  "the alias without both parameters (%p) closes with 1008",
  async (query) => {
    await using app = await AppUnderTest.start({ API_KEYS: "a-key-of-this-test" })
    const closed = await watch(app, `/frontend-stream${query}`).closed
    expect(closed).toEqual({ code: 1008, reason: "Missing callSid or user_id" })
  },
)

test("the alias is there only with the system it comes from", async () => {
  await using app = await AppUnderTest.start({ COMPAT: "s2" })
  expect((await refused(app, "/frontend-stream?callSid=a&user_id=b")).status).toBe(404)
})

test("a call that is not there closes with 4404", async () => {
  await using app = await AppUnderTest.start()
  for (const path of [`/v1/calls/${newSid("CA")}/stream`, "/frontend-stream?callSid=CA123456789&user_id=u"]) {
    expect(await watch(app, path).closed).toMatchObject({ code: 4404 })
  }
})

const KEYS = {
  API_KEYS: "key-of-no-user-0,key-of-alice-000:alice",
  ALLOWED_ORIGINS: "https://app.example.com",
}
const bearer = (key: string) => ({ Authorization: `Bearer ${key}` })

test.each<[string, string, Record<string, string>, number]>([
  ["no key", "", {}, 401],
  ["a wrong key", "", bearer("wrong"), 401],
  ["a wrong key in the query", "?key=wrong", {}, 401],
  ["a ticket that never was", "?ticket=wrong", bearer("key-of-no-user-0"), 401],
  ["another user than the key's", "?user_id=bob", bearer("key-of-alice-000"), 403],
  ["a page of elsewhere", "", { ...bearer("key-of-no-user-0"), Origin: "https://evil.example" }, 403],
])("an upgrade with %s is refused", async (_, query, headers, status) => {
  await using app = await AppUnderTest.start(KEYS)
  const { callSid } = await app.incoming()
  const answer = await refused(app, `/v1/calls/${callSid}/stream${query}`, headers)
  expect({ status: answer.status, scheme: answer.headers.get("www-authenticate") }).toEqual({
    status,
    scheme: status === 401 ? 'Bearer realm="parley"' : null,
  })
})

test("a call of another user closes like one that is not there", async () => {
  await using app = await AppUnderTest.start(KEYS)
  const { callSid } = await app.incoming()
  const closedOf = (sid: string) => watch(app, `/v1/calls/${sid}/stream`, bearer("key-of-alice-000")).closed
  expect(await closedOf(callSid)).toEqual(await closedOf(newSid("CA")))
})

test.each<[string, string, Record<string, string>]>([
  ["a key in the header", "", bearer("key-of-no-user-0")],
  ["a key in the query", "?key=key-of-no-user-0", {}],
  ["a page of the list", "?key=key-of-no-user-0", { Origin: "https://app.example.com" }],
])("an upgrade with %s is accepted", async (_, query, headers) => {
  await using app = await AppUnderTest.start(KEYS)
  const { callSid } = await app.incoming()
  const observer = watch(app, `/v1/calls/${callSid}/stream${query}`, headers)
  expect(await observer.frames.next()).toMatchObject({ event: "status", callSid })
})

test.each(["//evil.example/v1/calls/x/stream", "/frontend-stream/x", "/v1/calls/%00/stream"])(
  "there is no socket at %s",
  async (path) => {
    await using app = await AppUnderTest.start()
    expect((await refused(app, path)).status).toBe(404)
  },
)

test("a call that was placed for one user is not shown under the name of another", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start({
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
  })
  const place = { to: "+15550100003", from: "+15550100002", userId: "alice" }
  const { callSid } = await jsonOf(await app.post("/v1/calls", place))
  expect(await watch(app, `/frontend-stream?callSid=${callSid}&user_id=bob`).closed).toEqual({
    code: 4404,
    reason: "There is no such call",
  })
  expect(await watch(app, `/frontend-stream?callSid=${callSid}&user_id=alice`).opened).toBe(true)
})

test("without keys a tunnel and a page of elsewhere are refused", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const path = `/v1/calls/${callSid}/stream`
  expect((await refused(app, path, { "X-Forwarded-For": "203.0.113.9" })).status).toBe(401)
  expect((await refused(app, path, { Origin: "https://evil.example" })).status).toBe(403)
})

test("a ticket opens one socket of its call, within its time", async () => {
  await using app = await AppUnderTest.start(KEYS)
  const [{ callSid }, other] = [await app.incoming(), await app.incoming()]
  const ask = async () =>
    jsonOf(await app.post(`/v1/calls/${callSid}/stream-ticket`, undefined, bearer("key-of-no-user-0")))
  const { ticket, url } = await ask()
  const path = `/v1/calls/${callSid}/stream?ticket=${ticket}`
  expect(url).toBe(`wss://parley.test${path}`)
  expect((await refused(app, path.replace(callSid, other.callSid))).status).toBe(401)
  expect(await watch(app, path).frames.next()).toMatchObject({ event: "status" })
  expect((await refused(app, path)).status).toBe(401)
  const late = await ask()
  app.clock.advance(60_000)
  expect((await refused(app, `/v1/calls/${callSid}/stream?ticket=${late.ticket}`)).status).toBe(401)
})

test("a user's fourth observer learns why it is closed; a slot that is released is free again", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const path = `/frontend-stream?callSid=${callSid}&user_id=alice`
  const three = [watch(app, path), watch(app, path), watch(app, path)]
  for (const observer of three) expect(await observer.opened).toBe(true)
  const { code, reason } = await watch(app, path).closed
  expect({ code, reason }).toEqual({
    code: 4429,
    reason: "Too many observers: 3 per user and 50 per key are allowed. Close one first.",
  })
  expect(await watch(app, path.replace("alice", "bob")).opened).toBe(true)
  three[0]?.close()
  await three[0]?.closed
  // The server has seen the close before it answers this.
  expect(await app.counts()).toMatchObject({ observers: 3 })
  expect(await watch(app, path).opened).toBe(true)
})

test("a call continues when its observers go, and an observer is let go when the call is over", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, socket } = await liveCall(app)
  const [leaves, stays] = [0, 1].map(() => watch(app, `/v1/calls/${callSid}/stream`))
  await stays?.frames.next()
  await leaves?.frames.next()
  leaves?.close()
  await leaves?.closed
  socket.send(prompt("Still there?"))
  expect(await socket.frames.next(({ last }) => last === true)).toMatchObject({ type: "text" })
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  app.clock.advance(50)
  expect(await stays?.frames.next(({ event }) => event === "ended")).toMatchObject({ by: "caller" })
  app.clock.advance(6000)
  expect(await stays?.closed).toEqual({ code: 1000, reason: "the call is over" })
})

test("observers are pinged, and sent away when the server stops", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const observer = watch(app, `/v1/calls/${callSid}/stream`)
  await observer.frames.next()
  app.clock.advance(15_000)
  expect(await observer.frames.next(({ event }) => event === "ping")).toMatchObject({
    at: expect.any(String),
  })
  const drained = app.app.drain()
  expect((await observer.closed).code).toBe(1001)
  expect((await refused(app, `/v1/calls/${callSid}/stream`)).status).toBe(503)
  app.clock.advance(60_000)
  await drained
})
