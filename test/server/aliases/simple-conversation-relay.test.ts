import { expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { newSid } from "../../../src/sim/sids.ts"
import { signatureFor } from "../../../src/twilio/signature.ts"
import { parseTwiml } from "../../../src/sim/twiml-reader.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { assetsWith } from "../assets-with.ts"
import {
  AUTH_TOKEN,
  OVERRIDES,
  PUBLIC_URL,
  endedForm,
  prompt,
  relayOf,
  setupFrame,
  voiceForm,
} from "../client.ts"

const PATH = "/connectConversationRelay"
const FAILURE = "Failed to generate voice response to connect Conversation Relay"
const KEY = "a-key-of-the-other-program"
const SOCKET = "wss://parley.test/conversation-relay"

const byKey = { Authorization: `Bearer ${KEY}` }

async function relayIn(answer: Response) {
  return relayOf(parseTwiml(await answer.text()))
}

test("Twilio's signed request gets the documented TwiML, with headers that name the path in its place", async () => {
  await using app = await AppUnderTest.start()
  const answer = await app.webhook(PATH, voiceForm())
  expect(answer.status).toBe(200)
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "content-type": "text/xml; charset=utf-8",
    deprecation: "true",
    link: '</twilio/voice>; rel="successor-version"',
  })
  const relay = await relayIn(answer)
  expect(relay.attributes).toMatchObject({
    url: SOCKET,
    welcomeGreeting: "Hello there! How can I assist you with Conversation Relay today?",
  })
  expect(relay.action).toStartWith("https://parley.test/twilio/connect-ended")
  expect(relay.languages).toHaveLength(2)
  expect(relay.parameters["parleyToken"]).toMatch(/^[\w-]{43}$/)
})

test("an agent's own greeting stays at this path", async () => {
  using assets = assetsWith({
    agents: { sales: { greeting: "Sales!" } },
    numbers: { "+15550100009": "sales" },
  })
  await using app = await AppUnderTest.start({ ASSETS_DIR: assets.dir })
  const relay = await relayIn(await app.webhook(PATH, voiceForm({ To: "+15550100009" })))
  expect(relay.attributes["welcomeGreeting"]).toBe("Sales!")
})

test("the one-time token opens one conversation at the fixed address", async () => {
  await using app = await AppUnderTest.start()
  const form = voiceForm({ "parameters[callReference]": "r-1" })
  const callSid = form["CallSid"] ?? ""
  const { parameters } = await relayIn(await app.webhook(PATH, form))
  const socket = app.socket(SOCKET)
  await socket.opened
  socket.send(setupFrame(callSid, parameters))
  socket.send(prompt("What are your opening hours?"))
  expect(await socket.frames.next(({ last }) => last === true)).toMatchObject({ type: "text" })
  const again = app.socket(SOCKET)
  await again.opened
  again.send(setupFrame(callSid, parameters))
  expect((await again.closed).code).toBe(4403)
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({
    live: true,
    parameters: { callReference: "r-1" },
  })
})

test.each([
  ["without a token", {}],
  ["with a made-up token", { parleyToken: "x".repeat(43) }],
])("a setup %s is refused", async (_, parameters) => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const socket = app.socket(SOCKET)
  await socket.opened
  socket.send(prompt("too early"))
  socket.send(setupFrame(callSid, parameters))
  expect((await socket.closed).code).toBe(4403)
})

test("the fixed address needs the signature, and closes what says nothing", async () => {
  await using app = await AppUnderTest.start()
  const https = {
    "X-Twilio-Signature": signatureFor({ authToken: AUTH_TOKEN, url: SOCKET.replace("wss", "https") }),
  }
  expect((await app.refusedUpgrade(SOCKET, {})).status).toBe(403)
  expect((await app.refusedUpgrade(SOCKET, https)).status).toBe(403)
  const silent = app.socket(SOCKET)
  await silent.opened
  app.clock.advance(10_000)
  expect((await silent.closed).code).toBe(4408)
})

test("a lost session is resumed", async () => {
  await using app = await AppUnderTest.start()
  const form = voiceForm()
  const { action } = await relayIn(await app.webhook(PATH, form))
  const ended = endedForm(form["CallSid"] ?? "", { SessionStatus: "failed" })
  expect(relayOf(await app.twiml(app.pathOf(action), ended)).attributes["url"]).toStartWith(
    "wss://parley.test/",
  )
})

test.each<[string, () => { body: string; type: string }]>([
  [
    "a form with parameters[…]",
    () => ({
      body: new URLSearchParams(
        voiceForm({ "parameters[a]": "1", "parameters[b c]": "<&>", other: "x" }),
      ).toString(),
      type: "application/x-www-form-urlencoded",
    }),
  ],
  [
    "a form with parameters as JSON",
    () => ({
      body: new URLSearchParams(voiceForm({ parameters: '{"a":1,"b c":"<&>"}' })).toString(),
      type: "application/x-www-form-urlencoded",
    }),
  ],
  [
    "JSON",
    () => ({
      body: JSON.stringify({ ...voiceForm(), parameters: { a: 1, "b c": "<&>" } }),
      type: "application/json; charset=utf-8",
    }),
  ],
])("another program hands a call over with %s and its key", async (_, bodyOf) => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  const { body, type } = bodyOf()
  const answer = await app.api(PATH, { method: "POST", body, headers: { "Content-Type": type, ...byKey } })
  expect(answer.status).toBe(200)
  expect((await relayIn(answer)).parameters).toMatchObject({ a: "1", "b c": "<&>" })
})

test("signed JSON is accepted with the hash of the body in the address", async () => {
  await using app = await AppUnderTest.start()
  const body = JSON.stringify({ ...voiceForm(), parameters: { a: { deep: [1] } } })
  const path = `${PATH}?bodySHA256=${createHash("sha256").update(body).digest("hex")}`
  const headers = {
    "Content-Type": "application/json",
    "X-Twilio-Signature": signatureFor({ authToken: AUTH_TOKEN, url: `${PUBLIC_URL}${path}` }),
  }
  const answer = await app.api(path, { method: "POST", body, headers })
  expect((await relayIn(answer)).parameters).toMatchObject({ a: '{"deep":[1]}' })
})

test("a parameter cannot take the place of the token", async () => {
  await using app = await AppUnderTest.start()
  const relay = await relayIn(await app.webhook(PATH, voiceForm({ "parameters[parleyToken]": "mine" })))
  expect(relay.parameters["parleyToken"]).toMatch(/^[\w-]{43}$/)
})

test("a parameter that happens to be called agent breaks nothing", async () => {
  await using app = await AppUnderTest.start()
  const form = voiceForm({ "parameters[agent]": "Smith, Jane" })
  expect((await app.webhook(PATH, form)).status).toBe(200)
  expect(await app.json(`/v1/calls/${form["CallSid"]}`)).toMatchObject({ agent: "default" })
})

test.each<[string, Record<string, string>]>([
  ["parameters that are no JSON", { parameters: "{" }],
  ["parameters that are a list", { parameters: "[]" }],
  ["101 parameters", Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`parameters[p${at}]`, "x"]))],
  ["no call", { CallSid: "" }],
])("%s are answered with the documented failure", async (_, fields) => {
  await using app = await AppUnderTest.start()
  const answer = await app.webhook(PATH, voiceForm(fields))
  expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 500, body: FAILURE })
  expect(answer.headers.get("content-type")).toStartWith("text/plain")
})

test("a body that is no JSON object is answered with the documented failure", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  for (const body of ["{", "[]", "null"]) {
    const headers = { "Content-Type": "application/json", ...byKey }
    const answer = await app.api(PATH, { method: "POST", body, headers })
    expect({ status: answer.status, body: await answer.text() }).toEqual({ status: 500, body: FAILURE })
  }
})

test.each<[string, Record<string, string>]>([
  ["neither signature nor key", {}],
  ["a wrong key", { Authorization: "Bearer wrong" }],
  ["a wrong signature beside a good key", { ...byKey, "X-Twilio-Signature": "wrong" }],
])("%s: refused", async (_, headers) => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY })
  const answer = await app.webhook(PATH, voiceForm(), { signature: null, headers })
  expect(answer.status).toBe(403)
  expect(await answer.json()).toMatchObject({ error: { code: "BAD_SIGNATURE" } })
})

test("COMPAT=off takes the path and the socket away", async () => {
  await using app = await AppUnderTest.start({ COMPAT: "off" })
  const signature = signatureFor({ authToken: AUTH_TOKEN, url: SOCKET })
  expect((await app.webhook(PATH, voiceForm())).status).toBe(404)
  expect((await app.refusedUpgrade(SOCKET, { "X-Twilio-Signature": signature })).status).toBe(404)
})

test("while the server drains the caller is asked to try this path again", async () => {
  await using app = await AppUnderTest.start()
  await app.app.drain()
  const [, redirect] = await app.twiml(PATH, voiceForm({ CallSid: newSid("CA") }))
  expect(redirect?.text).toMatch(
    new RegExp(`^https://parley\\.test${PATH}\\?retry=1&n=[\\w-]{12}${OVERRIDES}$`),
  )
})
