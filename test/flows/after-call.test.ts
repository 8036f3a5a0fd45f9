import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { signatureOf } from "../../src/jobs/webhook.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { httpError, says } from "../fakes/openai-script.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { endedForm, prompt, setupFrame, voiceForm } from "../server/client.ts"
import { answered, connected, relayHarness, type RelayHarness } from "./relay-harness.ts"
import { textsIn } from "../lib/texts-in.ts"

type Delivery = { headers: Headers; text: string; body: Record<string, unknown> }

/** A system that receives ended calls. Its answers are those of the list, then 204. */
function sink(statuses: number[] = []) {
  const deliveries = new AwaitableLog<Delivery>("the webhook's deliveries")
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const text = await request.text()
      const body: Record<string, unknown> = JSON.parse(text)
      deliveries.push({ headers: request.headers, text, body })
      return new Response(null, { status: statuses.shift() ?? 204 })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}/hook?team=1`,
    deliveries,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

const OUTCOME = {
  name: "booking",
  instructions: "Dates are written as YYYY-MM-DD.",
  schema: {
    type: "object",
    properties: { day: { type: ["string", "null"] }, summary: { type: "string" } },
    required: ["day", "summary"],
    additionalProperties: false,
  },
}

async function wantOutcome(app: AppUnderTest, outcome: object = OUTCOME) {
  const answer = await app.api("/v1/config", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ agents: { default: { outcome } } }),
  })
  expect(await answer.text()).not.toContain("error")
}

/** Moves the time until the webhook's status is no more, or is, as it should be. */
async function webhookIs(app: AppUnderTest, callSid: string, wanted: string): Promise<void> {
  for (let step = 0; step < 200; step++) {
    const { webhook } = await app.json(`/v1/calls/${callSid}`)
    if (webhook === wanted) return
    await app.clock.pass(1000)
  }
  throw new Error(`the webhook is not ${wanted}`)
}

/** A call with the demo model, in which the caller says something, or nothing, until it is over. */
async function wholeCall(app: AppUnderTest, words?: string): Promise<string> {
  const { callSid, socketUrl, actionPath } = await app.incoming()
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "in-progress" }))
  const socket = app.socket(socketUrl)
  await socket.opened
  socket.send(setupFrame(callSid))
  if (words !== undefined) {
    socket.send(prompt(words))
    await socket.frames.next(({ last }) => last === true)
  }
  await app.events.next(({ event }) => event.type === "session.opened")
  socket.close()
  await app.events.next(({ event }) => event.type === "session.closed")
  await app.webhook(actionPath, endedForm(callSid))
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  return callSid
}

test("a webhook that is refused twice is delivered at the third attempt, with the same id and a signature", async () => {
  await using hook = sink([500, 503])
  await using app = await AppUnderTest.start({ WEBHOOK_URL: hook.url, WEBHOOK_SECRET: "sesame-of-the-test" })
  await wantOutcome(app)
  const callSid = await wholeCall(app, "I would like to book a table")
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ webhook: "pending" })
  await webhookIs(app, callSid, "delivered")
  const { all } = hook.deliveries
  expect(all.map(({ headers }) => headers.get("parley-attempt"))).toEqual(["1", "2", "3"])
  const ids = new Set(
    all.flatMap(({ headers, body }) => [
      headers.get("idempotency-key"),
      headers.get("parley-delivery"),
      body["id"],
    ]),
  )
  expect(ids.size).toBe(1)
  const [first] = all
  if (!first) throw new Error("nothing was delivered")
  const seconds = Number(/^t=(\d+),/.exec(first.headers.get("parley-signature") ?? "")?.[1])
  expect(first.headers.get("parley-signature")).toBe(signatureOf("sesame-of-the-test", seconds, first.text))
  expect(Math.abs(seconds * 1000 - app.clock.now())).toBeLessThan(120_000)
  expect(first.body).toMatchObject({
    type: "call.ended",
    source: "CAP_AI",
    call: { callSid, status: "completed" },
    transcript: expect.arrayContaining([expect.objectContaining({ text: "I would like to book a table" })]),
    outcome: { status: "done", data: { day: null, summary: "I would like to book a table" } },
  })
  await app.webhook(
    "/twilio/status",
    voiceForm({ CallSid: callSid, CallStatus: "completed", SequenceNumber: "9" }),
  )
  await app.clock.pass(60_000)
  expect(hook.deliveries.count).toBe(3)
})

test("a webhook that is never accepted is given up, one that says gone at once", async () => {
  await using hook = sink([410])
  await using app = await AppUnderTest.start({ WEBHOOK_URL: hook.url })
  const callSid = await wholeCall(app)
  await webhookIs(app, callSid, "failed")
  expect(hook.deliveries.count).toBe(1)
  expect(hook.deliveries.all[0]?.headers.has("parley-signature")).toBe(false)
})

test("a webhook is delivered again when it is asked for, under the same id", async () => {
  await using hook = sink([410])
  await using app = await AppUnderTest.start({ WEBHOOK_URL: hook.url })
  const callSid = await wholeCall(app)
  await webhookIs(app, callSid, "failed")
  const again = await app.post(`/v1/calls/${callSid}/webhook`)
  expect([again.status, await again.json()]).toEqual([202, { webhook: "pending" }])
  await webhookIs(app, callSid, "delivered")
  expect((await app.post(`/v1/calls/${callSid}/webhook`)).status).toBe(202)
  await webhookIs(app, callSid, "delivered")
  expect(hook.deliveries.count).toBe(3)
  expect(new Set(hook.deliveries.all.map(({ body }) => body["id"])).size).toBe(1)
})

test("without an address, for a call that continues or is unknown no webhook is delivered again", async () => {
  await using plain = await AppUnderTest.start()
  const answer = await plain.post(`/v1/calls/${await wholeCall(plain)}/webhook`)
  expect([answer.status, await answer.json()]).toMatchObject([409, { error: { code: "CONFLICT" } }])
  await using hook = sink()
  await using app = await AppUnderTest.start({ WEBHOOK_URL: hook.url })
  const { callSid } = await app.incoming()
  expect((await app.post(`/v1/calls/${callSid}/webhook`)).status).toBe(409)
  expect((await app.post(`/v1/calls/CA${"0".repeat(32)}/webhook`)).status).toBe(404)
})

test("a webhook into a private network is not sent", async () => {
  await using app = await AppUnderTest.start({ WEBHOOK_URL: "http://169.254.169.254/latest" })
  await webhookIs(app, await wholeCall(app), "failed")
})

test("a delivery that was due when the process ended is made by the next one", async () => {
  await using hook = sink([500])
  const folder = mkdtempSync(join(tmpdir(), "parley-after-call-"))
  using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
  const env = { WEBHOOK_URL: hook.url, DATABASE_URL: `file:${folder}/parley.db` }
  const callSid = await (async () => {
    await using first = await AppUnderTest.start(env)
    const sid = await wholeCall(first)
    await first.clock.pass(2500)
    await hook.deliveries.next()
    return sid
  })()
  await using second = await AppUnderTest.start(env)
  await second.clock.pass(60_000)
  await webhookIs(second, callSid, "delivered")
  expect(new Set(hook.deliveries.all.map(({ body }) => body["id"])).size).toBe(1)
})

/** A call whose outcome is wanted, and whose greeting was heard. */
async function greetedCall({ clock, twilio, app }: RelayHarness): Promise<SimulatedCall> {
  await wantOutcome(app)
  const call = twilio.call({ statusCallback: { url: "https://parley.test/twilio/status" } })
  await connected(call)
  clock.advance(6000)
  await call.agentTurn()
  return call
}

test("a call in which the caller said nothing asks no model, and has no outcome", async () => {
  await using harness = await relayHarness()
  const { clock, openai, app } = harness
  const call = await greetedCall(harness)
  call.hangup()
  await call.ended
  await clock.pass(20_000)
  expect(openai.requests).toEqual([])
  expect(await app.json(`/v1/calls/${call.callSid}/outcome`)).toEqual({
    status: "none",
    data: null,
    error: null,
  })
})

test("an outcome is asked for in the form of its schema, checked, and can be extracted again", async () => {
  await using harness = await relayHarness()
  const { clock, openai, app } = harness
  const call = await greetedCall(harness)
  openai.enqueue(says("Very well."))
  call.say("Tomorrow, please")
  await openai.nextRequest()
  await answered(call)
  expect((await app.post(`/v1/calls/${call.callSid}/outcome`)).status).toBe(409)
  call.hangup()
  await call.ended
  expect(await app.json(`/v1/calls/${call.callSid}/outcome`)).toMatchObject({ status: "pending" })

  openai.enqueue(
    says('{"day": 7, "summary": "x"}'),
    httpError(500, "server_error"),
    says('{"day":"2026-11-21","summary":"A booking."}'),
  )
  const asked = openai.nextRequest()
  await clock.pass(10_000)
  const { body } = await asked
  expect(body["text"]).toMatchObject({
    format: { type: "json_schema", name: "booking", strict: true, schema: OUTCOME.schema },
  })
  expect(textsIn(body["input"])).toContainEqual(expect.stringContaining("Caller: Tomorrow, please"))
  const { callSid } = call
  const isDone = async () => (await app.json(`/v1/calls/${callSid}/outcome`)).status !== "pending"
  for (let step = 0; step < 100 && !(await isDone()); step++) await clock.pass(1000)
  expect(await app.json(`/v1/calls/${callSid}/outcome`)).toEqual({
    status: "done",
    data: { day: "2026-11-21", summary: "A booking." },
    error: null,
  })

  openai.enqueue(httpError(401, "invalid_api_key"))
  const again = await app.post(`/v1/calls/${callSid}/outcome`)
  expect({ status: again.status, body: await again.json() }).toMatchObject({
    status: 202,
    body: { status: "pending" },
  })
  for (let step = 0; step < 100 && !(await isDone()); step++) await clock.pass(1000)
  expect(await app.json(`/v1/calls/${callSid}/outcome`)).toMatchObject({ status: "failed", data: null })
})

test("extracting an outcome again counts as a message, so its costs are limited", async () => {
  await using harness = await relayHarness({ env: { SERVER_MESSAGES_PER_MINUTE: "1" } })
  const { clock, openai, app } = harness
  const call = await greetedCall(harness)
  openai.enqueue(says("Very well."))
  call.say("Tomorrow, please")
  await openai.nextRequest()
  await answered(call)
  openai.enqueue(...Array.from({ length: 4 }, () => says('{"day":"2026-11-21","summary":"A booking."}')))
  call.hangup()
  await call.ended
  const again = () => app.post(`/v1/calls/${call.callSid}/outcome`)
  expect((await again()).status).toBe(202)
  const refused = await again()
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "60"])
  clock.advance(61_000)
  expect((await again()).status).toBe(202)
})

test("an agent without a schema has no outcome, and one with a wrong schema is refused", async () => {
  await using app = await AppUnderTest.start()
  const callSid = await wholeCall(app, "Hello")
  expect((await app.post(`/v1/calls/${callSid}/outcome`)).status).toBe(409)
  for (const schema of [{ type: "string" }, { type: "object", properties: { a: { $ref: "#/nowhere" } } }]) {
    const answer = await app.api("/v1/config", {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ agents: { default: { outcome: { schema } } } }),
    })
    expect({ status: answer.status, body: await answer.text() }).toEqual({
      status: 400,
      body: expect.stringContaining("outcome"),
    })
  }
})
