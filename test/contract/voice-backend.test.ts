/** The document of Voice Backend, example by example: requests as printed, answers field for field. */

import { expect, test } from "bun:test"
import { callHarness, restService } from "../call-harness.ts"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { newSid } from "../../src/sim/sids.ts"
import { signatureFor } from "../../src/twilio/signature.ts"
import { parseTwiml } from "../../src/sim/twiml-reader.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { AUTH_TOKEN, jsonOf, prompt, setupFrame, voiceForm } from "../server/client.ts"

const MAIN = { sid: newSid("PN"), phone_number: "+15550100002", friendly_name: "My Twilio Number" }
const CALL = '{"number": "+1234567890", "fromNumber": "+0987654321"}'
const SAMPLE = "CA123456789abcdef"

const fixture = (env: Record<string, string> = {}, numbers = [MAIN]) =>
  callHarness({ services: { rest: restService(numbers) }, env })

/** `curl -X POST -d` with a JSON content type. */
function curl(app: AppUnderTest, path: string, body: string): Promise<Response> {
  return app.api(path, { method: "POST", headers: { "Content-Type": "application/json" }, body })
}

function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "parley-voice-backend-"))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

/** An incoming call in which the caller asks one thing and hangs up. */
async function talk(app: AppUnderTest): Promise<string> {
  const { callSid, socketUrl } = await app.incoming()
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "in-progress" }))
  const socket = app.socket(socketUrl)
  await socket.opened
  socket.send(setupFrame(callSid))
  socket.send(prompt("What are your opening hours?"))
  await socket.frames.next(({ last }) => last === true)
  app.clock.advance(3000)
  socket.close()
  await app.events.next(({ event }) => event.type === "session.closed")
  return callSid
}

async function hangUp(app: AppUnderTest, callSid: string): Promise<void> {
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
}

test("GET /api/numbers shows the account's numbers, 20 at most, fetched each time", async () => {
  await using it = await fixture()
  const answer = await it.app.api("/api/numbers")
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 200,
    body: [{ sid: MAIN.sid, phoneNumber: "+15550100002", friendlyName: "My Twilio Number" }],
  })
  expect(answer.headers.get("link")).toBe('</v1/numbers>; rel="successor-version"')
  it.rest.numbers.push(
    ...Array.from({ length: 30 }, (_, at) => ({
      sid: newSid("PN"),
      phone_number: `+1555010${1000 + at}`,
      friendly_name: "x",
    })),
  )
  expect(await it.app.json("/api/numbers")).toHaveLength(20)
})

test("no number is invented where the account has none, or Twilio fails", async () => {
  await using it = await fixture({}, [])
  expect(await it.app.json("/api/numbers")).toEqual([])
  it.rest.fault({
    kind: "answer",
    status: 401,
    body: { code: 20003, message: "Authenticate", status: 401 },
  })
  const answer = await it.app.api("/api/numbers")
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 500,
    body: { error: "Failed to fetch phone numbers", details: expect.stringContaining("Authenticate") },
  })
})

test("the printed calls: place and end", async () => {
  await using it = await fixture()
  const answer = await curl(it.app, "/api/call", CALL)
  const body = await jsonOf(answer)
  expect({ status: answer.status, body }).toEqual({
    status: 200,
    body: {
      success: true,
      callSid: expect.stringMatching(/^CA[0-9a-f]{32}$/),
      message: "Call initiated to +1234567890",
    },
  })
  expect(it.rest.requests.at(-1)?.form).toMatchObject({ To: "+1234567890", From: "+0987654321" })
  const { callSid } = body
  const ended = await curl(it.app, "/api/end-call", JSON.stringify({ callSid }))
  expect({ status: ended.status, body: await ended.json() }).toEqual({
    status: 200,
    body: { success: true, message: "Call ended successfully" },
  })
  expect(it.rest.requests.at(-1)?.form).toEqual({ Status: "completed" })
})

test("without a sender the first number of the account calls; further fields become parameters", async () => {
  await using it = await fixture()
  const { callSid } = await jsonOf(
    await it.app.post("/api/call", { number: "+1234567890", name: "Anna", location: "Bern", product: "x" }),
  )
  expect(it.rest.requests.at(-1)?.form).toMatchObject({ From: "+15550100002" })
  expect(await it.app.json(`/v1/calls/${callSid}`)).toMatchObject({
    engine: "realtime",
    parameters: { name: "Anna", location: "Bern", product: "x" },
  })
})

test.each([
  ["a call without a number", "/api/call", "{}", "Phone number is required"],
  ["a call with an empty number", "/api/call", '{"number":""}', "Phone number is required"],
  ["an end without a SID", "/api/end-call", "{}", "Call SID is required"],
  ["a sender that is none", "/api/call", '{"number":"+1234567890","fromNumber":{}}', "fromNumber"],
  ["a number that is none", "/api/call", '{"number":"me"}', "E.164"],
  ["a body that is none", "/api/call", "{", "not JSON"],
])("%s: 400", async (_, path, body, error) => {
  await using it = await fixture()
  const answer = await curl(it.app, path, body)
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 400,
    body: { error: expect.stringContaining(error) },
  })
})

test.each([
  ["/api/call", CALL, "Failed to initiate call through Twilio"],
  ["/api/end-call", undefined, "Failed to end call"],
])("%s that Twilio refuses: the documented 500", async (path, body, error) => {
  await using it = await fixture()
  const { callSid } = await jsonOf(await curl(it.app, "/api/call", CALL))
  it.rest.fault({ kind: "answer", status: 400, body: { code: 21215, message: "No way", status: 400 } })
  const answer = await curl(it.app, path, body ?? JSON.stringify({ callSid }))
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 500,
    body: { error, details: expect.stringContaining("No way") },
  })
})

test("without an account: the documented 500", async () => {
  await using app = await AppUnderTest.start()
  const answer = await curl(app, "/api/call", CALL)
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 500,
    body: { error: "Failed to initiate call", details: expect.stringContaining("TWILIO_ACCOUNT_SID") },
  })
})

test("the sixth call in a minute: 429 with Retry-After", async () => {
  await using it = await fixture()
  for (let count = 0; count < 5; count++) expect((await curl(it.app, "/api/call", CALL)).status).toBe(200)
  const sixth = await curl(it.app, "/api/call", CALL)
  expect({ status: sixth.status, body: await sixth.json() }).toEqual({
    status: 429,
    body: { error: expect.any(String) },
  })
  expect(Number(sixth.headers.get("retry-after"))).toBeGreaterThan(0)
})

test("the printed requests with the sample SID: 404, in the documented words", async () => {
  await using it = await fixture()
  const error = `No transcript found for call SID: ${SAMPLE}`
  for (const path of [`/api/transcript/${SAMPLE}`, `/api/transcript/${SAMPLE}?format=text`]) {
    const answer = await it.app.api(path)
    expect({ status: answer.status, body: await answer.json() }).toEqual({ status: 404, body: { error } })
  }
  const ended = await curl(it.app, "/api/end-call", `{"callSid": "${SAMPLE}"}`)
  expect({ status: ended.status, body: await ended.json() }).toEqual({
    status: 404,
    body: { error: `No call found for call SID: ${SAMPLE}` },
  })
})

test("an unanswered call has no transcript", async () => {
  await using it = await fixture()
  const { callSid } = await jsonOf(await curl(it.app, "/api/call", CALL))
  expect((await it.app.api(`/api/transcript/${callSid}`)).status).toBe(404)
})

test("the transcript as JSON, as text and as a file", async () => {
  using folder = temporaryFolder()
  await using it = await fixture({ TRANSCRIPT_LOG_DIR: folder.path })
  const { app } = it
  const callSid = await talk(app)
  const during = await app.json(`/api/transcript/${callSid}`)
  expect(during.transcript.at(-1)).toMatchObject({ role: "assistant" })
  await hangUp(app, callSid)
  const endedAt = new Date(app.clock.now()).toISOString()
  const transcript = await app.json(`/api/transcript/${callSid}`)
  const item = (role: string, content: unknown) => ({
    role,
    content,
    timestamp: expect.stringMatching(/Z$/),
    itemId: expect.any(String),
  })
  expect(transcript).toEqual({
    callSid,
    phoneNumber: "+15550100001",
    timestamp: endedAt,
    transcript: [
      { role: "system", content: "Call started", timestamp: expect.any(String) },
      item("assistant", expect.any(String)),
      item("user", "What are your opening hours?"),
      item("assistant", expect.any(String)),
      { role: "system", content: "Call ended", timestamp: endedAt },
    ],
  })
  const text = await app.api(`/api/transcript/${callSid}?format=text`)
  expect(text.headers.get("content-type")).toMatch(/^text\/plain/)
  expect((await text.text()).split("\n\n")).toEqual([
    expect.stringMatching(/^Assistant: /),
    "Caller: What are your opening hours?",
    expect.stringMatching(/^Assistant: .*\n$/),
  ])

  await app.app.drain()
  const name = `${callSid}_+15550100001_${endedAt.replaceAll(":", "-")}.json`
  expect(readdirSync(folder.path)).toEqual([name])
  expect(JSON.parse(readFileSync(join(folder.path, name), "utf8"))).toEqual(transcript)
})

test.each(["GET", "POST"])("%s /twiml is Twilio's alone", async (method) => {
  await using it = await fixture()
  const { app } = it
  const form = voiceForm({ Direction: "outbound-api" })
  const path = method === "GET" ? `/twiml?${new URLSearchParams(form).toString()}` : "/twiml"
  const url = app.publicUrl + path
  const signature = signatureFor({ authToken: AUTH_TOKEN, url, form: method === "GET" ? {} : form })
  const ask = (headers: Record<string, string>) =>
    app.api(path, {
      method,
      headers,
      ...(method === "POST" ? { body: new URLSearchParams(form) } : {}),
    })
  expect((await ask({})).status).toBe(403)
  const answer = await ask({ "X-Twilio-Signature": signature })
  expect(answer.status).toBe(200)
  const [connect] = parseTwiml(await answer.text())
  expect(connect?.children[0]).toMatchObject({
    name: "Stream",
    attributes: { url: "wss://parley.test/call" },
  })
  expect(await app.json(`/v1/calls/${form["CallSid"]}`)).toMatchObject({ engine: "realtime" })
})

test("with keys, everything but the TwiML needs one", async () => {
  await using it = await fixture({ API_KEYS: "a-key-of-somebody-0001" })
  for (const path of ["/api/numbers", `/api/transcript/${SAMPLE}`]) {
    expect((await it.app.api(path)).status).toBe(401)
  }
  const answer = await curl(it.app, "/api/call", CALL)
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 401,
    body: { error: expect.any(String) },
  })
})

test("the whole API works under a prefix", async () => {
  await using it = await fixture({ PATH_PREFIX: "/v" })
  expect((await it.app.api("/v/api/numbers")).status).toBe(200)
  const form = voiceForm()
  const signedUrl = `https://parley.test/v/twiml`
  expect((await it.app.webhook("/v/twiml", form, { signedUrl })).status).toBe(200)
})
