/** The document of Starlis, example by example: requests as printed, answers field for field. */

import { expect, test } from "bun:test"
import { callHarness, restService } from "../call-harness.ts"
import { newSid } from "../../src/sim/sids.ts"
import { parseTwiml } from "../../src/sim/twiml-reader.ts"
import { signatureFor } from "../../src/twilio/signature.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { AUTH_TOKEN, jsonOf, voiceForm } from "../server/client.ts"

const EXAMPLE = {
  user_id: "user123",
  number: "+1234567890",
  prompt: "You are a helpful customer service agent",
  first_message: "Hello! How can I help you today?",
}
const JSON_TYPE = { "Content-Type": "application/json" }
const BOUND = { Authorization: "Bearer key-of-user123-0001" }
const FREE = { Authorization: "Bearer key-of-everybody-01" }
const KEYS = "key-of-user123-0001:user123,key-of-everybody-01"

const MAIN = { sid: newSid("PN"), phone_number: "+15550100002", friendly_name: "Main" }

const fixture = (env: Record<string, string> = {}) =>
  callHarness({ services: { rest: restService([MAIN]) }, env })

async function placed(app: AppUnderTest, headers: Record<string, string> = {}): Promise<string> {
  const { callSid } = await jsonOf(await app.post("/outbound-call", EXAMPLE, headers))
  return callSid
}

test("the printed script: call, status during and after the call, end", async () => {
  await using it = await fixture()
  const { app, rest } = it
  const answer = await app.api("/outbound-call", {
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify(EXAMPLE),
  })
  const body = await jsonOf(answer)
  expect({ status: answer.status, body }).toEqual({
    status: 200,
    body: { success: true, message: "Call initiated", callSid: expect.stringMatching(/^CA[0-9a-f]{32}$/) },
  })
  expect(answer.headers.get("deprecation")).toBe("true")
  expect(answer.headers.get("link")).toBe('</v1/calls>; rel="successor-version"')
  const { callSid } = body
  expect(rest.requests.at(-1)?.form).toMatchObject({ To: "+1234567890", From: "+15550100002" })
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ engine: "realtime", userId: "user123" })

  const statusPath = `/call-status?callSid=${callSid}&user_id=user123`
  const createdAt = new Date(app.clock.now()).toISOString()
  expect(await app.json(statusPath)).toEqual({
    success: true,
    callSid,
    status: "queued",
    startTime: createdAt,
    endTime: null,
    duration: 0,
  })
  app.clock.advance(2000)
  const answeredAt = new Date(app.clock.now()).toISOString()
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "in-progress" }))
  app.clock.advance(120_400)
  expect(await app.json(statusPath)).toEqual({
    success: true,
    callSid,
    status: "in-progress",
    startTime: answeredAt,
    endTime: null,
    duration: 120,
  })

  const ended = await app.post("/end-call", { callSid, user_id: "user123" })
  expect({ status: ended.status, body: await ended.json() }).toEqual({
    status: 200,
    body: { success: true, message: "Call ended successfully" },
  })
  expect(rest.requests.at(-1)?.form).toEqual({ Status: "completed" })
  await app.webhook(
    "/twilio/status",
    voiceForm({ CallSid: callSid, CallStatus: "completed", CallDuration: "121" }),
  )
  expect(await app.json(statusPath)).toEqual({
    success: true,
    callSid,
    status: "completed",
    startTime: answeredAt,
    endTime: new Date(app.clock.now()).toISOString(),
    duration: 121,
  })
})

test("prompt and first message may be left out", async () => {
  await using it = await fixture()
  const { user_id, number } = EXAMPLE
  const answer = await it.app.post("/outbound-call", { user_id, number, prompt: null, first_message: "" })
  expect(answer.status).toBe(200)
})

const NAMES = { error: "User ID and phone number are required" }
const SIDS = { error: "Call SID and User ID are required" }

test.each([
  ["no user", "/outbound-call", { number: "+1234567890" }, NAMES],
  ["no number", "/outbound-call", { user_id: "user123" }, NAMES],
  ["nothing", "/outbound-call", {}, NAMES],
  ["an empty number", "/outbound-call", { user_id: "user123", number: " " }, NAMES],
  ["a user that is no name", "/outbound-call", { ...EXAMPLE, user_id: {} }, NAMES],
  ["no SID to end", "/end-call", { user_id: "user123" }, SIDS],
  ["no user to end", "/end-call", { callSid: "CA123456789" }, SIDS],
] as const)("%s: the documented 400", async (_, path, body, expected) => {
  await using it = await fixture()
  const answer = await it.app.post(path, body)
  expect({ status: answer.status, body: await answer.json() }).toEqual({ status: 400, body: expected })
  expect(it.rest.requests).toEqual([])
})

test.each(["callSid=CA123456789", "user_id=user123", ""])("a status asked with %s: 400", async (query) => {
  await using it = await fixture()
  const answer = await it.app.api(`/call-status?${query}`)
  expect({ status: answer.status, body: await answer.json() }).toEqual({ status: 400, body: SIDS })
})

test.each([
  ["a number that is none", { ...EXAMPLE, number: "12345" }, "E.164"],
  ["a prompt without end", { ...EXAMPLE, prompt: "x".repeat(100_001) }, "prompt"],
  ["too many further fields", { ...EXAMPLE, ...fields(101) }, "100 fields"],
])("%s: 400 with the reason", async (_, body, reason) => {
  await using it = await fixture()
  const answer = await it.app.post("/outbound-call", body)
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 400,
    body: { error: expect.stringContaining(reason) },
  })
})

function fields(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, "x"]))
}

test.each(["{", "[]", "null", '"x"'])("a body %s: 400", async (body) => {
  await using it = await fixture()
  const answer = await it.app.api("/outbound-call", { method: "POST", headers: JSON_TYPE, body })
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 400,
    body: { error: expect.any(String) },
  })
})

test("a call that Twilio refuses: the documented 500", async () => {
  await using it = await fixture()
  it.rest.fault(
    { kind: "answer", status: 200, body: { incoming_phone_numbers: it.rest.numbers, next_page_uri: null } },
    { kind: "answer", status: 400, body: { code: 21215, message: "Geo permission", status: 400 } },
  )
  const answer = await it.app.post("/outbound-call", EXAMPLE)
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 500,
    body: { success: false, error: expect.stringContaining("Geo permission") },
  })
})

test("without an account: the documented 500", async () => {
  await using app = await AppUnderTest.start()
  const answer = await app.post("/outbound-call", EXAMPLE)
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 500,
    body: { success: false, error: expect.any(String) },
  })
})

test("the sample SID is no call: 404", async () => {
  await using it = await fixture()
  const ended = await it.app.post("/end-call", { callSid: "CA123456789", user_id: "user123" })
  const status = await it.app.api("/call-status?callSid=CA123456789&user_id=user123")
  const expected = { success: false, error: "No call found for call SID: CA123456789" }
  expect({ status: ended.status, body: await ended.json() }).toEqual({ status: 404, body: expected })
  expect({ status: status.status, body: await status.json() }).toEqual({ status: 404, body: expected })
})

test("the sixth call of a user in a minute: 429 with Retry-After; another user calls on", async () => {
  await using it = await fixture()
  for (let count = 0; count < 5; count++) {
    expect((await it.app.post("/outbound-call", EXAMPLE)).status).toBe(200)
  }
  const sixth = await it.app.post("/outbound-call", EXAMPLE)
  expect({ status: sixth.status, body: await sixth.json() }).toEqual({
    status: 429,
    body: { success: false, error: expect.any(String) },
  })
  expect(Number(sixth.headers.get("retry-after"))).toBeGreaterThan(0)
  expect((await it.app.post("/outbound-call", { ...EXAMPLE, user_id: "other" })).status).toBe(200)
})

test("a user is a name, not a proof", async () => {
  await using it = await fixture({ API_KEYS: KEYS })
  const { app } = it
  expect((await app.post("/outbound-call", EXAMPLE)).status).toBe(401)
  const asOther = await app.post("/outbound-call", { ...EXAMPLE, user_id: "other" }, BOUND)
  expect({ status: asOther.status, body: await asOther.json() }).toEqual({
    status: 403,
    body: { success: false, error: expect.any(String) },
  })
  const callSid = await placed(app, BOUND)
  const { callSid: othersSid } = await jsonOf(
    await app.post("/outbound-call", { ...EXAMPLE, user_id: "other" }, FREE),
  )
  const status = (sid: string, user: string, headers: Record<string, string>) =>
    app.api(`/call-status?callSid=${sid}&user_id=${user}`, { headers }).then((answer) => answer.status)
  expect(await status(callSid, "user123", BOUND)).toBe(200)
  expect(await status(callSid, "user123", FREE)).toBe(200)
  expect(await status(callSid, "other", FREE)).toBe(404)
  expect(await status(othersSid, "user123", BOUND)).toBe(404)
  expect(await status(othersSid, "other", BOUND)).toBe(403)
  expect((await app.post("/end-call", { callSid: othersSid, user_id: "user123" }, BOUND)).status).toBe(404)
})

test("the TwiML is Twilio's alone, and carries what the query gives, quotes and & included", async () => {
  await using it = await fixture()
  const { app } = it
  const query = new URLSearchParams({ user_id: "user123", prompt: 'Say "a & b" <c>', first_message: "Hi" })
  const form = voiceForm({ Direction: "outbound-api" })
  const path = `/outbound-call-twiml?${query.toString()}`
  expect((await app.webhook(path, form, { signature: null })).status).toBe(403)
  const answer = await app.webhook(path, form)
  expect({ status: answer.status, contentType: answer.headers.get("content-type") }).toEqual({
    status: 200,
    contentType: "text/xml; charset=utf-8",
  })
  const [connect] = parseTwiml(await answer.text())
  expect(connect?.children[0]).toMatchObject({
    name: "Stream",
    attributes: { url: "wss://parley.test/outbound-media-stream" },
  })
  expect(await app.json(`/v1/calls/${form["CallSid"]}`)).toMatchObject({
    engine: "realtime",
    userId: "user123",
  })

  const get = `/outbound-call-twiml?${new URLSearchParams(voiceForm()).toString()}`
  const signature = signatureFor({ authToken: AUTH_TOKEN, url: app.publicUrl + get, form: {} })
  const got = await app.api(get, { headers: { "X-Twilio-Signature": signature } })
  expect(got.status).toBe(200)
})

test("COMPAT leaves the paths out", async () => {
  await using it = await fixture({ COMPAT: "s2" })
  expect((await it.app.post("/outbound-call", EXAMPLE)).status).toBe(404)
})
