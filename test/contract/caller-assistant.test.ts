/** The API of Caller Assistant, row by row: requests and answers in its forms, without the faults of its code. */

import { expect, test } from "bun:test"
import { join } from "node:path"
import { newSid } from "../../src/sim/sids.ts"
import { AwaitableLog } from "../../src/sim/awaitable-log.ts"
import type { SimulatedCall } from "../../src/sim/simulated-call.ts"
import { says } from "../fakes/openai-script.ts"
import { callHarness, restService } from "../call-harness.ts"
import { answered, connected, relayHarness, type RelayHarness } from "../flows/relay-harness.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { TestClock } from "../lib/test-clock.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { assetFolder } from "../server/assets-with.ts"
import { jsonOf, voiceForm } from "../server/client.ts"

const MENU = [
  { intent: "department", triggers: ["Are you a Dental-Provider?"], response: "Dental Provider!" },
  { intent: "npi", triggers: ["N.P.I. of {name}"], response: "{providerNpi}#" },
]
const PROVIDER = {
  phoneNumber: "+15550100003",
  providerNpi: "1234567890",
  name: "Acme",
  office: { city: "Bern" },
}
const BODY = { ivrMenu: MENU, providerData: PROVIDER }
const TRANSFORMED = [
  { intent: "department", triggers: ["are you a dentalprovider"], response: "dental provider" },
  { intent: "npi", triggers: ["npi of acme"], response: "1234567890#" },
]
const NUMBER = { sid: newSid("PN"), phone_number: "+15550100002", friendly_name: "Main" }
const EXAMPLES = join(import.meta.dir, "../../docs/examples")
const RESULT = {
  status: "applicationapproved",
  data: [{ key: "network", value: "in network" }],
  explanation: null,
}

const harness = (env: Record<string, string> = {}) => relayHarness({ env })

async function place({ app, rest }: RelayHarness, body: unknown = BODY): Promise<SimulatedCall> {
  const answer = await app.post("/makeoutboundcall", body)
  expect(answer.status).toBe(200)
  const call = await rest.calls.next()
  await connected(call)
  return call
}

/** What a request answers while time passes: it waits for a job. */
async function meanwhile<T>({ app, clock }: RelayHarness, request: Promise<T>): Promise<T> {
  const done = request.then(() => true)
  const passing = async () => {
    clock.advance(100)
    // A whole request: sockets and servers get their turn before time limits of theirs pass.
    await app.counts()
    return false
  }
  while (!(await Promise.race([done, passing()])));
  return request
}

async function read(it: RelayHarness, path: string, init: RequestInit = {}) {
  const answer = await meanwhile(it, it.app.api(path, init))
  return { status: answer.status, body: await jsonOf(answer) }
}

/** Takes deliveries, with the statuses of the list and then with 204. */
function sink(statuses: number[] = []) {
  const deliveries = new AwaitableLog<Record<string, unknown>>("the deliveries")
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body: Record<string, unknown> = JSON.parse(await request.text())
      deliveries.push({ ...body, id: request.headers.get("idempotency-key") })
      return new Response(null, { status: statuses.shift() ?? 204 })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}/`,
    deliveries,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

/** The phone menu, then a person, then the end of the call. */
async function wholeCall(it: RelayHarness): Promise<SimulatedCall> {
  const { clock, openai, app } = it
  const call = await place(it, { ...BODY, agent: "caller-assistant" })
  const said = (words: string) => {
    call.say(words)
    return app.events.next(({ event }) => event.type === "ivr.answered")
  }
  await said("Are you a dental provider?")
  await answered(call)
  clock.advance(2000)
  await said("Enter the NPI of Acme")
  openai.enqueue(says("Yes"), says("This is Tom. What is the status?"))
  call.say("Hello, this is Maria.")
  await app.events.next(({ event }) => event.type === "reply.finished")
  await answered(call)
  clock.advance(4000)
  call.hangup()
  await call.ended
  await app.status(call.callSid, "completed")
  return call
}

test("POST /makeoutboundcall places a call and shows the menu that it will go by", async () => {
  await using it = await harness()
  const answer = await it.app.post("/makeoutboundcall", BODY)
  expect({ status: answer.status, body: await jsonOf(answer) }).toEqual({
    status: 200,
    body: {
      message: "Call initiated",
      callSid: expect.stringMatching(/^CA[0-9a-f]{32}$/),
      updatedIvrMenu: TRANSFORMED,
    },
  })
  expect(answer.headers.get("link")).toBe('</v1/calls>; rel="successor-version"')
  const { callSid, to, from } = await it.rest.calls.next()
  expect({ to, from }).toEqual({ to: "+15550100003", from: "+15550100002" })
  expect(await it.app.json(`/v1/calls/${callSid}`)).toMatchObject({
    ivrState: "navigating",
    parameters: { phoneNumber: "+15550100003", providerNpi: "1234567890", office: '{"city":"Bern"}' },
  })
  // Recording needs the consent of those who are recorded.
  const request = it.rest.requests.all.find(({ method }) => method === "POST")
  expect(request?.form.has("Record")).toBe(false)
})

test.each([
  ["pipeline", { DEEPGRAM_API_KEY: "key" }],
  ["relay", {}],
])("the engine %s with the settings %p", async (engine, env) => {
  await using it = await callHarness({ services: { rest: restService([NUMBER]) }, env })
  const { callSid } = await jsonOf(await it.app.post("/makeoutboundcall", BODY))
  expect(await it.app.json(`/v1/calls/${callSid}`)).toMatchObject({ engine, ivrState: "navigating" })
})

test("menu and provider may be JSON text with `\\n` in it, as a form sends them", async () => {
  await using it = await harness()
  const text = (value: unknown) => JSON.stringify(value, null, 2).replaceAll("\n", String.raw`\n`)
  const answer = await it.app.post("/makeoutboundcall", { ivrMenu: text(MENU), providerData: text(PROVIDER) })
  expect(await jsonOf(answer)).toMatchObject({ message: "Call initiated", updatedIvrMenu: TRANSFORMED })
})

test.each([
  ["no menu", { providerData: PROVIDER }, "IVR Menu is missing."],
  ["an empty menu", { ...BODY, ivrMenu: [] }, "Invalid IVR Menu, cannot be empty."],
  ["a menu that is none", { ...BODY, ivrMenu: { a: 1 } }, "Invalid IVR Menu, cannot be empty."],
  [
    "an entry that is none",
    { ...BODY, ivrMenu: [{ triggers: 1 }] },
    "The ivrMenu is invalid: 0.response: Invalid input.",
  ],
  ["no provider", { ivrMenu: MENU }, "Provider Data is missing."],
  [
    "a provider without a number",
    { ...BODY, providerData: { a: 1 } },
    "Invalid Provider Data, PhoneNumber is Missing.",
  ],
  ["text that is no JSON", { ...BODY, ivrMenu: "[{" }, "IVR Menu is missing."],
])("%s: 400 in the documented words", async (_, body, message) => {
  await using app = await AppUnderTest.start()
  const answer = await app.post("/makeoutboundcall", body)
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 400,
    body: { message, callSid: null },
  })
})

test.each([
  ["no public address", { PUBLIC_URL: "" }, "host address is missing."],
  ["no account", {}, "Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to place calls."],
])("%s: 400 with the reason", async (_, env, message) => {
  await using app = await AppUnderTest.start(env)
  const answer = await app.post("/makeoutboundcall", BODY)
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 400,
    body: { message, callSid: null },
  })
})

test("two calls with two menus do not mix; one at a time is a setting", async () => {
  await using it = await harness()
  const first = await place(it)
  const second = await place(it, { ...BODY, ivrMenu: [{ intent: "x", triggers: ["dental"], response: "7" }] })
  for (const [call, text] of [
    [second, "7"],
    [first, "Dental Provider!"],
  ] as const) {
    call.say("Are you a dental provider?")
    const { event } = await it.app.events.next(({ event }) => event.type === "ivr.answered")
    expect(event).toMatchObject({ text })
  }

  await using single = await harness({ MAX_CONCURRENT_CALLS: "1" })
  await place(single)
  const answer = await single.app.post("/makeoutboundcall", BODY)
  const message = "Cannot initiate another call when a previous call is in progress."
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 400,
    body: { message, callSid: null },
  })
})

test("the log of a call has both transcripts, the three menus, who ended it, and the outcome", async () => {
  await using hook = sink()
  await using it = await harness({ ASSETS_DIR: EXAMPLES, WEBHOOK_URL: hook.url })
  const call = await wholeCall(it)
  const before = await it.app.json(`/calllog/${call.callSid}`)
  expect(before).toMatchObject({
    callstatus: "completed",
    webhookTriggerStatus: "NA",
    applicationStatus: null,
  })

  it.openai.enqueue(says(JSON.stringify(RESULT)))
  expect(await read(it, `/applicationstatusjson/${call.callSid}`)).toEqual({ status: 200, body: RESULT })
  const requests = it.openai.requests.length
  expect(await read(it, `/applicationstatusjson/${call.callSid}`)).toEqual({ status: 200, body: RESULT })
  expect(it.openai.requests).toHaveLength(requests)

  await meanwhile(it, hook.deliveries.next())
  while ((await it.app.json(`/calllog/${call.callSid}`)).webhookTriggerStatus === "NA")
    await it.clock.pass(500)
  const words = "Hello, this is Maria."
  const log = await it.app.json(`/calllog/${call.callSid}`)
  expect(log).toEqual({
    sid: call.callSid,
    callstatus: "completed",
    callEndedBy: "NA",
    webhookTriggerStatus: "success",
    updatedAt: expect.any(Number),
    applicationStatus: RESULT,
    transcription: [
      { role: "user", content: words },
      { role: "assistant", content: "This is Tom. What is the status?" },
    ],
    "ivr--transcription": [
      { role: "user", content: "Are you a dental provider?" },
      { role: "assistant", content: "Dental Provider!" },
      { role: "user", content: "Enter the NPI of Acme" },
      { role: "assistant", content: "1234567890#" },
      { role: "user", content: words },
    ],
    providedIvrMenu: [MENU],
    transformedIvrMenu: [TRANSFORMED],
    internalUsedIvrMenu: [
      [
        { intent: "department", triggers: ["areyouadentalprovider"], response: "dentalprovider" },
        { intent: "npi", triggers: ["npiofacme"], response: "1234567890#" },
      ],
    ],
  })
  // The webhook has the log, the source, and what other receivers expect.
  const { webhookTriggerStatus: _, ...rest } = log
  expect(hook.deliveries.all).toEqual([
    expect.objectContaining({ ...rest, source: "CAP_AI", type: "call.ended", outcome: expect.anything() }),
  ])
})

test("a webhook that fails is tried again under the same id; GET does not deliver twice, POST does", async () => {
  await using hook = sink([500, 500])
  await using it = await harness({ WEBHOOK_URL: hook.url, WEBHOOK_SOURCE: "acme" })
  const call = await place(it)
  call.hangup()
  await it.app.status(call.callSid, "completed")
  for (let attempt = 0; attempt < 3; attempt++) await meanwhile(it, hook.deliveries.next())
  const ids = new Set(hook.deliveries.all.map(({ id }) => id))
  expect({ ids: ids.size, source: hook.deliveries.all[0]?.["source"] }).toEqual({ ids: 1, source: "acme" })
  while ((await it.app.json(`/calllog/${call.callSid}`)).webhookTriggerStatus !== "success")
    await it.clock.pass(500)

  expect(await read(it, `/triggerwebhook/${call.callSid}`)).toEqual({ status: 200, body: {} })
  expect(hook.deliveries.count).toBe(3)
  expect(await read(it, `/triggerwebhook/${call.callSid}`, { method: "POST" })).toEqual({
    status: 200,
    body: { webhookTriggerStatus: "success" },
  })
  expect(hook.deliveries.count).toBe(4)
})

test("POST /hangupcall ends the call, and the log says so", async () => {
  await using it = await harness()
  const call = await place(it)
  const body = { callSid: call.callSid, callEndedBy: "SELF", callEndReason: "NA" }
  const answer = await it.app.post("/hangupcall", body)
  expect({ status: answer.status, text: await answer.text() }).toEqual({ status: 200, text: "" })
  await call.ended
  await it.app.status(call.callSid, "completed")
  expect(await it.app.json(`/calllog/${call.callSid}`)).toMatchObject({
    callstatus: "completed",
    callEndedBy: "/hangupcall",
  })
})

test("POST /hangupcall of a call that Twilio does not know is an error", async () => {
  await using it = await callHarness({ services: { rest: restService([NUMBER]) } })
  const { callSid } = await jsonOf(await it.app.post("/makeoutboundcall", BODY))
  it.rest.fault({ kind: "answer", status: 404, body: { code: 20404, message: "No such call", status: 404 } })
  const answer = await it.app.post("/hangupcall", { callSid })
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 400,
    body: { message: expect.stringContaining("No such call") },
  })
  expect(await it.app.json(`/calllog/${callSid}`)).toMatchObject({ callEndedBy: "NA" })
})

test.each([
  ["GET", "/calllog/CA1"],
  ["GET", "/applicationstatusjson/nothing"],
  ["GET", "/triggerwebhook/CA1"],
  ["POST", "/hangupcall"],
])("%s %s: a SID that is none is 400", async (method, path) => {
  await using app = await AppUnderTest.start()
  const answer = await app.api(path, { method })
  const message = "call sid is missing or invalid."
  expect({ status: answer.status, body: await answer.json() }).toEqual({ status: 400, body: { message } })
})

test("an unknown SID is 404, on every path", async () => {
  await using app = await AppUnderTest.start()
  const sid = newSid("CA")
  const answers = [
    await app.api(`/calllog/${sid}`),
    await app.api(`/applicationstatusjson/${sid}`),
    await app.api(`/triggerwebhook/${sid}`),
    await app.post("/hangupcall", { callSid: sid }),
  ]
  for (const answer of answers) {
    const message = `Call Details not found for CallSid: ${sid} .`
    expect({ status: answer.status, body: await answer.json() }).toEqual({ status: 404, body: { message } })
  }
})

test("GET /applicationstatusjson before the end, and of a call without words: 400", async () => {
  await using it = await harness({ ASSETS_DIR: EXAMPLES })
  const call = await place(it, { ...BODY, agent: "caller-assistant" })
  const path = `/applicationstatusjson/${call.callSid}`
  expect(await read(it, path)).toEqual({
    status: 400,
    body: { message: "Call Has not finished yet, cannot get Application Status Json." },
  })
  call.hangup()
  await it.app.status(call.callSid, "completed")
  expect(await read(it, path)).toEqual({ status: 400, body: { message: "Unable to find Transcription." } })
  expect(it.openai.requests).toHaveLength(0)
})

test("POST /callstatusupdate takes Twilio's statuses, signed, with an empty answer", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const form = voiceForm({ CallSid: callSid, CallStatus: "completed" })
  expect((await app.webhook("/callstatusupdate", form, { signature: null })).status).toBe(403)
  const answer = await app.webhook("/callstatusupdate", form)
  expect({ status: answer.status, text: await answer.text() }).toEqual({ status: 200, text: "" })
  expect(await app.json(`/calllog/${callSid}`)).toMatchObject({
    callstatus: "completed",
    providedIvrMenu: [[]],
  })
})

test("CALL_QUEUE_DELAY ends a call that takes too long", async () => {
  await using it = await harness({ CALL_QUEUE_DELAY: "60000" })
  const call = await place(it)
  await meanwhile(it, call.ended)
  await it.app.status(call.callSid, "completed")
  expect(await it.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ endedBy: "limit" })
  expect(await it.app.json(`/calllog/${call.callSid}`)).toMatchObject({ callEndedBy: "bot" })
})

test("CALL_QUEUE_DELAY counts on over a restart, without a session", async () => {
  using folder = assetFolder({})
  await using twilio = new FakeTwilio()
  const env = {
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
    TWILIO_FROM_NUMBER: "+15550100002",
    DATABASE_URL: `file:${join(folder.dir, "calls.db")}`,
    CALL_QUEUE_DELAY: "60000",
  }
  const startedAt = Date.UTC(2026, 10, 20)
  const first = await AppUnderTest.start(env, { clock: new TestClock(startedAt) })
  const { callSid } = await jsonOf(await first.post("/makeoutboundcall", BODY))
  await first.webhook("/callstatusupdate", voiceForm({ CallSid: callSid, CallStatus: "in-progress" }))
  twilio.addCall({ sid: callSid, status: "in-progress" })
  await first[Symbol.asyncDispose]()

  await using second = await AppUnderTest.start(env, { clock: new TestClock(startedAt + 70_000) })
  second.clock.advance(10_000)
  await second.status(callSid, "completed")
  expect(twilio.calls.get(callSid)?.status).toBe("completed")
  expect(await second.json(`/calllog/${callSid}`)).toMatchObject({
    callstatus: "completed",
    callEndedBy: "bot",
  })
})

test("RETENTION_MS deletes the call with its log", async () => {
  await using it = await harness({ RETENTION_MS: "3600000" })
  const call = await place(it)
  call.say("Are you a dental provider?")
  await it.app.events.next(({ event }) => event.type === "ivr.answered")
  call.hangup()
  await it.app.status(call.callSid, "completed")
  await call.ended
  const statusAfter = async (ms: number) => {
    it.clock.advance(ms)
    // What the deadline started is done before the answer.
    await it.app.json("/v1/calls")
    return (await it.app.api(`/calllog/${call.callSid}`)).status
  }
  expect(await statusAfter(1_800_000)).toBe(200)
  expect(await statusAfter(7_200_000)).toBe(404)
})

test("the server starts with the variables of Caller Assistant alone, and greets as it did", async () => {
  const old = {
    TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
    TWILIO_FROM_NUMBER: "+15550100002",
    TWILIO_TO_NUMBER: "+15550100003",
    DEEPGRAM_API_KEY: "key",
    TWILIO_API_KEY: `SK${"0".repeat(32)}`,
    TWILIO_API_SECRET: "secret",
    OPEN_AI_KEY: "sk-test",
    REDIS_CLIENT_URL: "redis://127.0.0.1:6379",
    PUBLIC_URL: "",
    SERVER: "parley.test",
    WEBHOOK_URL: "https://hooks.example/results",
    CALL_QUEUE_DELAY: "960000",
    API_BASE_URL: "http://127.0.0.1:3000",
    LLM_MODEL_SWITCH_DURATION: "300000",
  }
  await using app = await AppUnderTest.start({ ...old, COMPAT: "s0" })
  const answer = await app.api("/")
  expect({ status: answer.status, text: await answer.text() }).toEqual({
    status: 200,
    text: "Hello World 👋, from Caller Assistant!!",
  })
  expect((await app.api("/api/numbers")).status).toBe(404)
  await using without = await AppUnderTest.start({ COMPAT: "s2" })
  expect((await without.api(`/calllog/${newSid("CA")}`)).status).toBe(404)
  expect(await (await without.api("/")).text()).toStartWith("WebSocket Server Running")
})

test("programs need a key", async () => {
  await using app = await AppUnderTest.start({
    API_KEYS: "key-of-somebody-0001:anna,key-of-another-00001:bob",
  })
  const sid = newSid("CA")
  for (const [method, path] of [
    ["POST", "/makeoutboundcall"],
    ["POST", "/hangupcall"],
    ["GET", `/calllog/${sid}`],
    ["GET", `/applicationstatusjson/${sid}`],
    ["POST", `/triggerwebhook/${sid}`],
  ] as const) {
    expect((await app.api(path, { method })).status).toBe(401)
  }
})
