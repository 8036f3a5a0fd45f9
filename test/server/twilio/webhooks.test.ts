import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { newSid } from "../../../src/sim/sids.ts"
import { FakeTwilio } from "../../fakes/fake-twilio.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { assetsWith } from "../assets-with.ts"
import { OVERRIDES, jsonOf, relayOf, voiceForm } from "../client.ts"
import { textsIn } from "../../lib/texts-in.ts"

const ATTRIBUTES = {
  welcomeGreetingInterruptible: "speech",
  language: "en-US",
  hints: 'Parley, "quoted" & <escaped>',
  interruptible: "any",
  interruptSensitivity: "low",
  dtmfDetection: true,
  partialPrompts: false,
  profanityFilter: false,
  reportInputDuringAgentSpeech: "none",
  preemptible: true,
  debug: "debugging speaker-events",
  elevenlabsTextNormalization: "on",
  intelligenceService: `GA${"0".repeat(32)}`,
  transcriptionLanguage: "en-US",
  transcriptionProvider: "Deepgram",
  ttsLanguage: "en-US",
  ttsProvider: "ElevenLabs",
  voice: "tnSpp4vdxKPjI9w0GnoV",
  speechModel: "nova-3-general",
}

test("the TwiML has the action, a socket, every configured attribute and the nested elements", async () => {
  const german = {
    code: "de-DE",
    ttsProvider: "ElevenLabs",
    voice: "abc",
    transcriptionProvider: "Deepgram",
    speechModel: "nova-3-general",
  }
  using assets = assetsWith({
    ConversationRelay: {
      Configuration: {
        welcomeGreeting: "Good day!",
        ...ATTRIBUTES,
        languages: [german, { code: "fr-FR", voice: "x" }],
      },
    },
  })
  await using app = await AppUnderTest.start({ ASSETS_DIR: assets.dir })
  const answer = await app.webhook("/twilio/voice", voiceForm())
  expect(answer.headers.get("content-type")).toBe("text/xml; charset=utf-8")
  const { relay } = await app.incoming()
  const { url, welcomeGreeting, ...attributes } = relay.attributes
  expect(relay.action).toStartWith("https://parley.test/twilio/connect-ended")
  expect(url).toMatch(/^wss:\/\/parley\.test\/twilio\/relay\/[\w-]{43}$/)
  expect(welcomeGreeting).toBe("Good day!")
  expect(attributes).toEqual(
    Object.fromEntries(Object.entries(ATTRIBUTES).map(([name, value]) => [name, String(value)])),
  )
  expect(relay.languages).toContainEqual(german)
  expect(textsIn(relay)).not.toContainEqual(expect.stringContaining("[object Object]"))
})

test("a fresh start has the shipped values", async () => {
  await using app = await AppUnderTest.start()
  const { relay } = await app.incoming()
  expect(relay.attributes).toMatchObject({
    welcomeGreeting: "Hello there! How can I assist you today?",
    interruptible: "any",
    interruptSensitivity: "medium",
    dtmfDetection: "true",
  })
  expect(relay.languages.map(({ code, voice }) => [code, voice])).toEqual([
    ["en-AU", "IKne3meq5aSn9XLyUdCD"],
    ["en-US", "tnSpp4vdxKPjI9w0GnoV"],
  ])
  expect(Object.keys(relay.attributes)).not.toContain("languages")
  expect(Object.keys(relay.attributes)).not.toContain("parameters")
})

test("the called number chooses the agent, and an unknown number gets the default one", async () => {
  using assets = assetsWith({
    agents: { sales: { greeting: "Sales!" } },
    numbers: { "+15550100009": "sales" },
  })
  await using app = await AppUnderTest.start({ ASSETS_DIR: assets.dir })
  const sales = await app.incoming({ To: "+15550100009" })
  const other = await app.incoming({ To: "sip:desk@example.com", From: "anonymous" })
  expect(sales.relay.attributes["welcomeGreeting"]).toBe("Sales!")
  expect(await app.json(`/v1/calls/${sales.callSid}`)).toMatchObject({ agent: "sales", from: "+15550100001" })
  expect(await app.json(`/v1/calls/${other.callSid}`)).toMatchObject({ agent: "default", from: "anonymous" })
})

test("a call whose agent was removed from the configuration goes to the agent of its number", async () => {
  using assets = assetsWith({ agents: { sales: {} }, numbers: { "+15550100009": "sales" } })
  await using app = await AppUnderTest.start({ ASSETS_DIR: assets.dir })
  const { callSid } = await app.incoming({ To: "+15550100009" })
  writeFileSync(join(assets.dir, "serverConfig.json"), JSON.stringify({ agents: { other: {} } }))
  app.clock.advance(2000)
  const again = voiceForm({ CallSid: callSid, To: "+15550100009", CallStatus: "in-progress" })
  expect(relayOf(await app.twiml("/twilio/voice", again)).attributes["url"]).toStartWith("wss://")
})

test("a call that asks again is not greeted again once it was spoken to", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, form, socketUrl } = await app.incoming()
  const silent = relayOf(await app.twiml("/twilio/voice?again=1", form))
  expect(silent.attributes["welcomeGreeting"]).toBeString()
  const socket = app.socket(silent.attributes["url"] ?? socketUrl)
  await socket.opened
  socket.send({
    type: "setup",
    sessionId: newSid("VX"),
    accountSid: form["AccountSid"],
    callSid,
    from: "a",
    to: "b",
    direction: "inbound",
    callStatus: "RINGING",
    customParameters: {},
  })
  socket.send({ type: "prompt", voicePrompt: "Hello", lang: "en-US", last: true })
  await socket.frames.next(({ last }) => last === true)
  socket.close()
  await app.events.next(({ event }) => event.type === "session.closed")
  const spokenTo = relayOf(await app.twiml("/twilio/voice?again=2", form))
  expect(spokenTo.attributes["welcomeGreeting"]).toBeUndefined()
})

test("past MAX_CONCURRENT_CALLS a caller hears a sentence; a free place takes the next one", async () => {
  await using app = await AppUnderTest.start({ MAX_CONCURRENT_CALLS: "1" })
  const first = await app.incoming()
  const [say, hangup] = await app.twiml("/twilio/voice", voiceForm())
  expect({ say: say?.name, hangup: hangup?.name }).toEqual({ say: "Say", hangup: "Hangup" })
  expect(say?.text).toContain("busy")
  // The call that holds the place may ask again.
  expect(relayOf(await app.twiml("/twilio/voice?again=1", first.form)).action).toBeString()
  const { calls } = await app.json("/v1/calls")
  expect(calls[0]).toMatchObject({
    status: "completed",
    endedBy: "system",
    endReason: "the server was at capacity",
  })
  await app.webhook("/twilio/status", voiceForm({ CallSid: first.callSid, CallStatus: "completed" }))
  expect((await app.incoming()).socketUrl).toBeString()
})

test("while the server drains, a call is asked to ring on and to try again, each time at another address", async () => {
  await using app = await AppUnderTest.start({ DRAIN_TIMEOUT_MS: "5000" })
  const running = await app.incoming()
  const drained = app.app.drain()
  const form = voiceForm()
  const [pause, redirect] = await app.twiml("/twilio/voice?call=1", form)
  expect([pause?.name, redirect?.name]).toEqual(["Pause", "Redirect"])
  const address = (retry: number) =>
    new RegExp(`^https://parley\\.test/twilio/voice\\?call=1&retry=${retry}&n=[\\w-]{12}${OVERRIDES}$`)
  expect(redirect?.text).toMatch(address(1))
  const [, next] = await app.twiml(app.pathOf(redirect?.text ?? ""), form)
  expect(next?.text).toMatch(address(2))
  expect((await app.json("/v1/calls")).calls).toHaveLength(1)
  // Calls that run are not left alone meanwhile.
  const status = voiceForm({ CallSid: running.callSid, CallStatus: "completed" })
  expect((await app.webhook("/twilio/status", status)).status).toBe(204)
  app.clock.advance(50)
  await drained
})

test.each([
  ["no SID", { CallSid: "" }],
  ["a SID of something else", { CallSid: newSid("SM") }],
  ["an unknown status", { CallStatus: "dreaming" }],
])("a voice webhook with %s is answered with its fault", async (_, fields) => {
  await using app = await AppUnderTest.start()
  const answer = await app.webhook("/twilio/voice", voiceForm(fields))
  expect(answer.status).toBe(400)
  expect((await jsonOf(answer)).error.message).toContain(Object.keys(fields)[0] ?? "")
})

test("a voice webhook of a call that is over is refused", async () => {
  await using app = await AppUnderTest.start()
  const { callSid, form } = await app.incoming()
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  expect((await app.webhook("/twilio/voice?again=1", form)).status).toBe(403)
})

/** A call placed through the API whose answer from Twilio is held back. */
async function unansweredCall(app: AppUnderTest, twilio: FakeTwilio, body: Record<string, unknown> = {}) {
  const answered = Promise.withResolvers<void>()
  twilio.fault({ kind: "wait", until: answered.promise })
  const placing = app.post("/v1/calls", { to: "+15550100003", from: "+15550100002", ...body })
  await twilio.received(1)
  const url = new URL(String(twilio.requests[0]?.form["Url"]))
  return { placing, answered, path: `${url.pathname}${url.search}` }
}

const account = (twilio: FakeTwilio) => ({
  TWILIO_ACCOUNT_SID: twilio.accountSid,
  TWILIO_API_BASE_URL: twilio.baseUrl,
})

test("the webhook of a placed call finds it by our id, also before Twilio's answer", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { placing, answered, path } = await unansweredCall(app, twilio, {
    firstMessage: "Is this <Ada>? It is about {callReference}.",
    parameters: { callReference: "r-1", amount: 12.5, urgent: true },
  })
  // The first call of this account gets this SID.
  const callSid = `CA${"1".padStart(32, "0")}`
  const form = voiceForm({
    CallSid: callSid,
    CallStatus: "in-progress",
    Direction: "outbound-api",
    From: "+15550100002",
    To: "+15550100003",
  })
  const relay = relayOf(await app.twiml(path, form))
  expect(relay.attributes["welcomeGreeting"]).toBe("Is this <Ada>? It is about r-1.")
  expect(relay.parameters).toMatchObject({ callReference: "r-1", amount: "12.5", urgent: "true" })
  answered.resolve()
  const placed = await placing
  expect(placed.status).toBe(201)
  expect(await placed.json()).toMatchObject({ callSid, status: "in-progress", direction: "outbound" })
  expect((await app.json("/v1/calls")).calls).toHaveLength(1)
})

test("statuses of a placed call count before Twilio's answer, and an unanswered request is no failure then", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start({ ...account(twilio), TWILIO_TIMEOUT_MS: "300" })
  const hangs = twilio.hang({ carriedOut: true })
  const placing = app.post("/v1/calls", { to: "+15550100003", from: "+15550100002" })
  await hangs
  const url = new URL(String(twilio.requests[0]?.form["StatusCallback"]))
  const callSid = `CA${"1".padStart(32, "0")}`
  const status = voiceForm({ CallSid: callSid, CallStatus: "ringing", SequenceNumber: "1" })
  expect((await app.webhook(`${url.pathname}${url.search}`, status)).status).toBe(204)
  app.clock.advance(300)
  const placed = await placing
  expect({ status: placed.status, body: await placed.json() }).toMatchObject({
    status: 201,
    body: { callSid, status: "ringing" },
  })
})

test("our id in the address of a webhook does not reach a call with another SID", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start(account(twilio))
  const { id, callSid } = await jsonOf(
    await app.post("/v1/calls", { to: "+15550100003", from: "+15550100002" }),
  )
  const stranger = voiceForm({ CallStatus: "completed" })
  expect((await app.webhook(`/twilio/status?call=${id}`, stranger)).status).toBe(204)
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "queued", endedAt: null })
})
