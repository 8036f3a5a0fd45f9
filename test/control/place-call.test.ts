import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import type { Fault } from "../fakes/twilio-server.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { OVERRIDES, jsonOf, voiceForm } from "../server/client.ts"

const TO = "+15550100003"
const FROM = "+15550100002"
const BODY = { to: TO, from: FROM }

function settings(twilio: FakeTwilio, env: Record<string, string> = {}) {
  return {
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
    TWILIO_TIMEOUT_MS: "200",
    ...env,
  }
}

/** Requests that would dial. */
const dialled = (twilio: FakeTwilio) =>
  twilio.requests.filter(({ method, path }) => method === "POST" && path.endsWith("/Calls.json"))

async function place(app: AppUnderTest, body: unknown = BODY, headers: Record<string, string> = {}) {
  const answer = await app.post("/v1/calls", body, headers)
  return { status: answer.status, headers: answer.headers, body: await jsonOf(answer) }
}

/** The same, and Twilio does not answer in time. */
async function placeUnanswered(
  { app, twilio, carriedOut = false }: { app: AppUnderTest; twilio: FakeTwilio; carriedOut?: boolean },
  headers: Record<string, string>,
  body: unknown = BODY,
) {
  const hangs = twilio.hang({ carriedOut })
  const placing = place(app, body, headers)
  await hangs
  app.clock.advance(200)
  return placing
}

test("a call is placed at Twilio with our addresses, statuses and limits", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio, { MAX_CALL_MS: "60000" }))
  const { status, headers, body } = await place(app, { ...BODY, timeoutSeconds: 25 })
  expect(status).toBe(201)
  expect(headers.get("location")).toBe(`/v1/calls/${body.callSid}`)
  expect(body).toMatchObject({ status: "queued", direction: "outbound", from: FROM, to: TO, live: false })
  // Each address has a value of its own: a signature counts once.
  const address = (path: string) =>
    expect.stringMatching(
      new RegExp(`^https://parley\\.test/twilio/${path}\\?call=${body.id}&n=[\\w-]{12}${OVERRIDES}$`),
    )
  expect(dialled(twilio).map(({ form }) => form)).toEqual([
    {
      To: TO,
      From: FROM,
      Url: address("voice"),
      Method: "POST",
      StatusCallback: address("status"),
      StatusCallbackEvent: ["initiated", "ringing", "answered", "completed"],
      StatusCallbackMethod: "POST",
      // The farewell at the longest length comes before Twilio hangs up.
      TimeLimit: "90",
      Timeout: "25",
    },
  ])
})

test.each([
  ["the number of the settings", { TWILIO_FROM_NUMBER: "+15550100008" }, "+15550100008"],
  ["else the first number of the account", {}, "+15550100009"],
])("without a sender it comes from %s", async (_, env, from) => {
  const number = { sid: `PN${"1".repeat(32)}`, phone_number: "+15550100009", friendly_name: "x" }
  await using twilio = new FakeTwilio({ numbers: [number] })
  await using app = await AppUnderTest.start(settings(twilio, env))
  expect((await place(app, { to: TO })).body).toMatchObject({ from })
})

test("an account without a number says so", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  expect(await place(app, { to: TO })).toMatchObject({
    status: 503,
    body: { error: { code: "NOT_CONFIGURED" } },
  })
  expect(dialled(twilio)).toEqual([])
})

test.each([
  ["E.164", TO, {}, TO],
  ["E.164 with blanks and signs", "+1 (555) 010-0003", {}, TO],
  ["the sample number of the documents", "+1234567890", {}, "+1234567890"],
  ["national form with DEFAULT_COUNTRY", "030 123456", { DEFAULT_COUNTRY: "DE" }, "+4930123456"],
  ["E.164 with the trunk zero", "+44 (0)20 7946 0958", { ALLOWED_DESTINATIONS: "+44" }, "+442079460958"],
  [
    "E.164 whatever the country",
    "+4930123456",
    { DEFAULT_COUNTRY: "US", ALLOWED_DESTINATIONS: "*" },
    "+4930123456",
  ],
])("a number in %s is called", async (_, to, env, expected) => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio, env))
  expect((await place(app, { to, from: FROM })).body).toMatchObject({ to: expected })
})

test.each([
  ["national form without a country", { to: "030 123456", from: FROM }, "to"],
  ["a number that begins with 0", { to: "+0123456789", from: FROM }, "to"],
  ["too many digits", { to: "+1234567890123456", from: FROM }, "to"],
  ["words", { to: "call me", from: FROM }, "to"],
  ["another kind of address", { to: "sip:x@example.com", from: FROM }, "to"],
  ["a vanity number", { to: "1-800-FLOWERS", from: FROM }, "to"],
  ["a withheld caller", { to: "+266696687", from: FROM }, "to"],
  ["a sender that is none", { to: TO, from: "me" }, "from"],
  ["a withheld sender", { to: TO, from: "+266696687" }, "from"],
])("%s is refused, and no call is placed", async (_, body, field) => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  expect(await place(app, body)).toMatchObject({
    status: 400,
    body: { error: { code: "INVALID_REQUEST", details: [{ field }] } },
  })
  expect(twilio.requests).toEqual([])
})

test("an extension is dialled after the answer, and belongs to what an Idempotency-Key repeats", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const key = { "Idempotency-Key": "k" }
  const placed = await place(app, { to: "+1 555 010 0003 ext. 12", from: FROM }, key)
  expect(placed).toMatchObject({ status: 201, body: { to: TO } })
  expect(dialled(twilio)[0]?.form).toMatchObject({ To: TO, SendDigits: "ww12" })
  expect((await place(app, { to: `${TO};ext=12`, from: FROM }, key)).status).toBe(201)
  expect((await place(app, BODY, key)).status).toBe(409)
  expect(dialled(twilio)).toHaveLength(1)
})

test("every fault of a body is reported", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const { status, body } = await place(app, {
    from: 7,
    parameters: { a: {}, b: null },
    timeoutSeconds: 5000,
    surprise: true,
  })
  expect(status).toBe(400)
  const fields = body.error.details.map(({ field }: { field: string }) => field)
  expect(fields.toSorted()).toEqual([
    "from",
    "parameters.a",
    "parameters.b",
    "surprise",
    "timeoutSeconds",
    "to",
  ])
})

test.each([
  ["an agent", { agent: "unknown" }, "Agent not found"],
  ["a context", { contextKey: "nothing" }, "Context not found"],
  ["a manifest", { manifestKey: "nothing" }, "Tool manifest not found"],
])("%s that does not exist is refused, and no call is placed", async (_, fields, message) => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const { status, body } = await place(app, { ...BODY, ...fields })
  expect({ status, message: body.error.message }).toEqual({
    status: 400,
    message: expect.stringContaining(message),
  })
  expect(twilio.requests).toEqual([])
})

test("only allowed destinations are called", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio, { ALLOWED_DESTINATIONS: "+1555,+4930" }))
  expect((await place(app)).status).toBe(201)
  expect((await place(app, { to: "+4989123456", from: FROM })).body).toMatchObject({
    error: { code: "FORBIDDEN" },
  })
  expect(dialled(twilio)).toHaveLength(1)
})

test.each([
  ["another country", "+4930123456", []],
  ["a country of another number of the account", "+4930123456", ["+498912345678"]],
  ["a premium-rate number", "+19005550123", []],
  ["a satellite phone", "+881612345678", []],
])("without a list, %s: %s with the numbers %p", async (_, to, others) => {
  const numbers = others.map((phone_number, n) => ({
    sid: `PN${n}${"1".repeat(31)}`,
    phone_number,
    friendly_name: "x",
  }))
  await using twilio = new FakeTwilio({ numbers })
  await using app = await AppUnderTest.start(settings(twilio))
  const { status, body } = await place(app, { to, from: FROM })
  if (others.length > 0) return expect(status).toBe(201)
  expect({ status, code: body.error.code }).toEqual({ status: 403, code: "FORBIDDEN" })
  expect(body.error.message).toContain("ALLOWED_DESTINATIONS")
  expect(dialled(twilio)).toEqual([])
})

test("parameters too large for TwiML travel with the record of the call", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio, { TWILIO_TIMEOUT_MS: "10000" }))
  const names = Array.from({ length: 50 }, (_, n) => `p${n}`)
  const parameters = Object.fromEntries(names.map((name) => [name, "&".repeat(2000)]))
  const { body } = await place(app, { ...BODY, parameters: { ...parameters, small: "1" } })
  const fields = { CallSid: body.callSid, Direction: "outbound-api", From: FROM, To: TO }
  const answer = await app.webhook(`/twilio/voice?call=${body.id}`, voiceForm(fields))
  const twiml = await answer.text()
  expect(Buffer.byteLength(twiml)).toBeLessThan(64 * 1024)
  expect(twiml).not.toContain("<Parameter")
  expect(await app.json(`/v1/calls/${body.callSid}`)).toMatchObject({ parameters: { small: "1" } })
})

test("a first message that its parameters make too large for TwiML is refused before the call", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const firstMessage = "{name}".repeat(100)
  const { status, body } = await place(app, { ...BODY, firstMessage, parameters: { name: "x".repeat(1000) } })
  expect({ status, code: body.error.code }).toEqual({ status: 400, code: "INVALID_REQUEST" })
  expect(body.error.message).toContain("Twilio accepts 65536")
  expect(dialled(twilio)).toEqual([])
})

test.each([
  ["an account", { TWILIO_ACCOUNT_SID: "" }, "TWILIO_ACCOUNT_SID"],
  ["a public address", { PUBLIC_URL: "" }, "PUBLIC_URL"],
])("without %s no call is placed, and the answer says what to set", async (_, env, name) => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio, env))
  const { status, body } = await place(app)
  expect({ status, code: body.error.code }).toEqual({ status: 503, code: "NOT_CONFIGURED" })
  expect(body.error.message).toContain(name)
})

test("a server that drains places no call", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  await app.app.drain()
  const { status, headers } = await place(app)
  expect({ status, retryAfter: headers.get("retry-after") }).toEqual({ status: 503, retryAfter: "5" })
  expect(dialled(twilio)).toEqual([])
})

const refusal = (status: number, code: number, message: string): Fault => ({
  kind: "answer",
  status,
  body: { code, message, more_info: "", status },
})

test("Twilio's refusal is reported with its code, and the call has failed", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  twilio.fault(refusal(400, 21215, "Geo permission is missing"))
  const { status, body } = await place(app)
  expect({ status, code: body.error.code }).toEqual({ status: 502, code: "UPSTREAM_FAILED" })
  expect(body.error.message).toContain("21215")
  const { calls } = await app.json("/v1/calls")
  expect(calls).toMatchObject([
    { status: "failed", callSid: null, endedBy: "system", endReason: body.error.message },
  ])
})

// Idempotency

const key = (name: string) => ({ "Idempotency-Key": name })

test("the same key with the same body is one call and one answer", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  const body = { ...BODY, parameters: { a: 1, b: "2" } }
  const first = await place(app, body, key("k1"))
  const second = await place(app, { ...body, parameters: { b: "2", a: "1" } }, key("k1"))
  expect(second).toMatchObject({ status: 201, body: first.body })
  expect({
    first: first.headers.get("idempotency-replayed"),
    second: second.headers.get("idempotency-replayed"),
  }).toEqual({ first: null, second: "true" })
  expect(dialled(twilio)).toHaveLength(1)
})

test.each([
  ["number", { to: "+15550100004" }],
  ["words", { prompt: "Be brief" }],
  ["length of ringing", { timeoutSeconds: 30 }],
  ["parameters", { parameters: { a: "1" } }],
])("the same key with another %s is a conflict", async (_, change) => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  await place(app, BODY, key("k1"))
  expect(await place(app, { ...BODY, ...change }, key("k1"))).toMatchObject({
    status: 409,
    body: { error: { code: "CONFLICT" } },
  })
  expect(dialled(twilio)).toHaveLength(1)
})

test("the same key of another user is another call", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio, { API_KEYS: "key-of-ann:ann,key-of-bob:bob" }))
  for (const name of ["ann", "bob"]) {
    expect((await place(app, BODY, { ...key("k1"), Authorization: `Bearer key-of-${name}` })).status).toBe(
      201,
    )
  }
  expect(dialled(twilio)).toHaveLength(2)
})

test("requests at the same time with the same key dial once", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio, { TWILIO_TIMEOUT_MS: "10000" }))
  const answered = Promise.withResolvers<void>()
  twilio.fault({ kind: "wait", until: answered.promise })
  const placing = [1, 2, 3].map(() => place(app, BODY, key("k1")))
  await twilio.received(1)
  const other = await place(app, { ...BODY, prompt: "other" }, key("k1"))
  expect(await app.counts()).toMatchObject({ placingCalls: 1 })
  answered.resolve()
  const answers = await Promise.all(placing)
  expect(other.status).toBe(409)
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
  expect(new Set(answers.map(({ body }) => body.callSid)).size).toBe(1)
  expect(dialled(twilio)).toHaveLength(1)
  expect(await app.counts()).toMatchObject({ placingCalls: 0 })
})

test.each<[string, Fault | "hang"]>([
  ["never came", "hang"],
  ["broke off", { kind: "drop", carriedOut: true }],
  ["was a failure of Twilio's", { kind: "answer", status: 503, carriedOut: true }],
])("a call whose answer %s is found again by its key and not dialled twice", async (_, fault) => {
  await using twilio = new FakeTwilio({ clock: { now: () => Date.UTC(2026, 10, 20) } })
  await using app = await AppUnderTest.start(settings(twilio))
  if (fault !== "hang") twilio.fault(fault)
  const lost =
    fault === "hang"
      ? await placeUnanswered({ app, twilio, carriedOut: true }, key("k1"))
      : await place(app, BODY, key("k1"))
  expect(lost).toMatchObject({ status: 502, body: { error: { code: "UPSTREAM_FAILED" } } })
  const id = lost.body.error.details[0].value
  expect(await app.json(`/v1/calls/${id}`)).toMatchObject({ callSid: null, status: "queued" })
  const [carriedOut] = twilio.calls.keys()
  const found = await place(app, BODY, key("k1"))
  expect(found).toMatchObject({ status: 201, body: { id, callSid: carriedOut } })
  expect(dialled(twilio)).toHaveLength(1)
})

test("a call that was lost before Twilio had it is dialled by the repeated request, as it was asked for", async () => {
  await using twilio = new FakeTwilio({ clock: { now: () => Date.UTC(2026, 10, 20) } })
  // Somebody else's call between the same numbers, long before.
  twilio.addCall({ to: TO, from: FROM, date_created: "Thu, 19 Nov 2026 10:00:00 +0000" })
  await using app = await AppUnderTest.start(settings(twilio))
  const body = { ...BODY, timeoutSeconds: 17 }
  expect((await placeUnanswered({ app, twilio }, key("k1"), body)).status).toBe(502)
  app.clock.advance(119_000)
  const uncertain = await place(app, body, key("k1"))
  expect({ status: uncertain.status, retryAfter: uncertain.headers.get("retry-after") }).toEqual({
    status: 409,
    retryAfter: "5",
  })
  expect(dialled(twilio)).toHaveLength(1)
  app.clock.advance(2_000)
  expect((await place(app, body, key("k1"))).status).toBe(201)
  expect(dialled(twilio).map(({ form }) => form["Timeout"])).toEqual(["17", "17"])
  expect(twilio.calls.size).toBe(2)
})

test("a repeated request does not take another call of ours for the lost one", async () => {
  await using twilio = new FakeTwilio({ clock: { now: () => Date.UTC(2026, 10, 20) } })
  await using app = await AppUnderTest.start(settings(twilio))
  await placeUnanswered({ app, twilio }, key("k1"))
  const other = await place(app, BODY, key("k2"))
  expect((await place(app, BODY, key("k1"))).status).toBe(409)
  app.clock.advance(121_000)
  const found = await place(app, BODY, key("k1"))
  expect(found.body.callSid).not.toBe(other.body.callSid)
  expect(twilio.calls.size).toBe(2)
})

test("a repeated request does not take the call of another program for the lost one", async () => {
  await using twilio = new FakeTwilio({ clock: { now: () => Date.UTC(2026, 10, 20) } })
  await using app = await AppUnderTest.start(settings(twilio))
  await placeUnanswered({ app, twilio }, key("k1"))
  const foreign = twilio.addCall({ to: TO, from: FROM })
  twilio.requestedUrls.set(foreign.sid, ["https://other.test/twilio/voice?call=1"])
  expect((await place(app, BODY, key("k1"))).status).toBe(409)
  app.clock.advance(121_000)
  const dialledAgain = await place(app, BODY, key("k1"))
  expect(dialledAgain.status).toBe(201)
  expect(dialledAgain.body.callSid).not.toBe(foreign.sid)
})

test("a lost call that a status callback names is the call of its key", async () => {
  await using twilio = new FakeTwilio({ clock: { now: () => Date.UTC(2026, 10, 20) } })
  await using app = await AppUnderTest.start(settings(twilio))
  const lost = await placeUnanswered({ app, twilio, carriedOut: true }, key("k1"))
  const [sid = ""] = twilio.calls.keys()
  // Twilio lists the requests of a call with a delay.
  twilio.requestedUrls.clear()
  expect((await place(app, BODY, key("k1"))).status).toBe(409)
  const id = lost.body.error.details[0].value
  await app.webhook(`/twilio/status?call=${id}`, { ...voiceForm({ CallSid: sid }), CallStatus: "initiated" })
  const found = await place(app, BODY, key("k1"))
  expect(found).toMatchObject({ status: 201, body: { callSid: sid } })
  expect(found.headers.get("idempotency-replayed")).toBe("true")
  expect(dialled(twilio)).toHaveLength(1)
})

test("a lost call is not dialled again while Twilio has one that may be it, although no event names its addresses", async () => {
  await using twilio = new FakeTwilio({ clock: { now: () => Date.UTC(2026, 10, 20) } })
  await using app = await AppUnderTest.start(settings(twilio))
  const lost = await placeUnanswered({ app, twilio, carriedOut: true }, key("k1"))
  const [sid = ""] = twilio.calls.keys()
  twilio.requestedUrls.clear()
  app.clock.advance(600_000)
  const again = await place(app, BODY, key("k1"))
  expect([again.status, again.headers.get("retry-after")]).toEqual([409, "5"])
  expect(dialled(twilio)).toHaveLength(1)
  const id = lost.body.error.details[0].value
  await app.webhook(`/twilio/status?call=${id}`, { ...voiceForm({ CallSid: sid }), CallStatus: "completed" })
  expect((await place(app, BODY, key("k1"))).body).toMatchObject({ callSid: sid, status: "completed" })
})

test("a call that was over when it was found again has its end", async () => {
  await using twilio = new FakeTwilio({ clock: { now: () => Date.UTC(2026, 10, 20) } })
  await using app = await AppUnderTest.start(settings(twilio))
  await placeUnanswered({ app, twilio, carriedOut: true }, key("k1"))
  for (const call of twilio.calls.values()) call.status = "no-answer"
  expect((await place(app, BODY, key("k1"))).body).toMatchObject({
    status: "no-answer",
    endReason: "nobody answered",
  })
})

test("a refused request is refused again under its key, without asking Twilio", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  twilio.fault(refusal(400, 21215, "Geo permission is missing"))
  const first = await place(app, BODY, key("k1"))
  const second = await place(app, BODY, key("k1"))
  expect({ status: second.status, message: second.body.error.message }).toEqual({
    status: 502,
    message: first.body.error.message,
  })
  expect(second.headers.get("idempotency-replayed")).toBe("true")
  expect(dialled(twilio)).toHaveLength(1)
})

test.each(["", " ", "a b", "ü", "x".repeat(256)])("the key %p is none", async (name) => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio))
  // An empty header is as good as none, but says that somebody meant to send one.
  const answer = await place(
    app,
    BODY,
    key(encodeURI(name) === name ? name : Buffer.from(name).toString("latin1")),
  )
  expect({ status: answer.status, code: answer.body.error.code }).toEqual({
    status: 400,
    code: "INVALID_REQUEST",
  })
  expect(dialled(twilio)).toEqual([])
})

// Limits

test("a user starts 5 calls a minute, and hears when the next one may start", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(settings(twilio, { API_KEYS: "key-of-ann:ann,key-of-bob:bob" }))
  const ann = { Authorization: "Bearer key-of-ann" }
  const statuses = []
  for (let count = 0; count < 6; count++) {
    statuses.push((await place(app, BODY, ann)).status)
    app.clock.advance(1000)
  }
  expect(statuses).toEqual([201, 201, 201, 201, 201, 429])
  const refused = await place(app, BODY, ann)
  expect({ retryAfter: refused.headers.get("retry-after"), message: refused.body.error.message }).toEqual({
    retryAfter: "54",
    message: "Rate limit exceeded: at most 5 calls per minute per user",
  })
  expect((await place(app, BODY, { Authorization: "Bearer key-of-bob" })).status).toBe(201)
  app.clock.advance(54_001)
  expect((await place(app, BODY, ann)).status).toBe(201)
  expect(dialled(twilio)).toHaveLength(7)
})

test("the server starts 30 calls a minute; what is refused or repeated does not count", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(
    settings(twilio, { CALL_STARTS_PER_MINUTE: "100", SERVER_CALL_STARTS_PER_MINUTE: "3" }),
  )
  const statuses = []
  for (const name of ["a", "a", "b", "b", "c", "d", "c"]) {
    statuses.push((await place(app, BODY, key(name))).status)
    statuses.push((await place(app, { to: "no" })).status)
  }
  expect(statuses.filter((_, at) => at % 2 === 0)).toEqual([201, 201, 201, 201, 201, 429, 201])
  expect(dialled(twilio)).toHaveLength(3)
})

test("limits and keys hold after a restart", async () => {
  const dir = mkdtempSync(join(tmpdir(), "parley-limits-"))
  try {
    await using twilio = new FakeTwilio()
    const env = settings(twilio, { DATABASE_URL: `file:${join(dir, "x.db")}`, CALL_STARTS_PER_MINUTE: "1" })
    const first = await (async () => {
      await using app = await AppUnderTest.start(env)
      return await place(app, BODY, key("k1"))
    })()
    await using app = await AppUnderTest.start(env)
    expect((await place(app, BODY, key("k1"))).body).toMatchObject({ id: first.body.id })
    expect((await place(app, BODY, key("k2"))).status).toBe(429)
    expect(dialled(twilio)).toHaveLength(1)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
