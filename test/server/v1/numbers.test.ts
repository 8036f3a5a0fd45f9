/** `/v1/numbers`: what is shown, and what giving a number to an agent changes here and at Twilio. */

import { expect, test } from "bun:test"
import { callHarness, restService } from "../../call-harness.ts"
import { newSid } from "../../../src/sim/sids.ts"
import type { FakeNumber } from "../../fakes/fake-twilio.ts"
import type { AppUnderTest } from "../app-under-test.ts"
import { jsonOf, OVERRIDES, voiceForm } from "../client.ts"

const MAIN: FakeNumber = {
  sid: newSid("PN"),
  phone_number: "+15550100002",
  friendly_name: "Main",
  voice_url: "https://demo.twilio.com/welcome/voice/",
  voice_application_sid: `AP${"1".repeat(32)}`,
}

const fixture = (env: Record<string, string> = {}, fields: Partial<FakeNumber> = {}) =>
  callHarness({ services: { rest: restService([{ ...MAIN, ...fields }]) }, env })

const FREE = { Authorization: "Bearer key-of-everybody-01" }

async function put(app: AppUnderTest, body: unknown, sid = MAIN.sid) {
  const answer = await app.api(`/v1/numbers/${sid}/agent`, {
    method: "PUT",
    headers: { "Content-Type": "application/json", ...FREE },
    body: JSON.stringify(body),
  })
  return { status: answer.status, body: await jsonOf(answer) }
}

const SALES = { agents: { sales: {} } }

async function withSales(app: AppUnderTest): Promise<void> {
  const headers = { "Content-Type": "application/json", ...FREE }
  await app.api("/v1/config", { method: "PATCH", headers, body: JSON.stringify(SALES) })
}

test("numbers are shown with where they lead and who answers", async () => {
  await using it = await fixture()
  expect(await it.app.json("/v1/numbers")).toEqual({
    numbers: [
      {
        sid: MAIN.sid,
        phoneNumber: "+15550100002",
        friendlyName: "Main",
        voiceUrl: "https://demo.twilio.com/welcome/voice/",
        voiceApplicationSid: MAIN.voice_application_sid,
        trunkSid: null,
        agent: "default",
        menu: null,
        pointsHere: false,
      },
    ],
  })
})

test("a number is given to an agent without a change at Twilio", async () => {
  await using it = await fixture()
  await withSales(it.app)
  expect(await put(it.app, { agent: "sales" })).toMatchObject({
    status: 200,
    body: { phoneNumber: "+15550100002", agent: "sales", pointsHere: false },
  })
  expect(it.rest.requests.map(({ method }) => method)).toEqual(["GET"])
  expect((await it.app.json("/v1/config")).config.numbers).toEqual({ "+15550100002": "sales" })
  const { callSid } = await it.app.incoming({ To: "+15550100002" })
  expect(await it.app.json(`/v1/calls/${callSid}`)).toMatchObject({ agent: "sales" })
})

test("a number is given to a menu, and its calls begin there", async () => {
  await using it = await fixture()
  expect(await put(it.app, { agent: "menu:nowhere" })).toMatchObject({ status: 400 })
  const menu = { agent: "default", menu: "numberVerification" }
  expect(await put(it.app, { agent: "menu:numberVerification" })).toMatchObject({ status: 200, body: menu })
  expect((await it.app.json("/v1/numbers")).numbers).toMatchObject([menu])
  const verbs = await it.app.twiml("/twilio/voice", voiceForm({ From: "anonymous", To: "+15550100002" }))
  expect(verbs[0]?.children[0]?.text).toContain("Please type your mobile number")
})

test("with pointHere Twilio asks this server from then on", async () => {
  await using it = await fixture()
  await withSales(it.app)
  const { body } = await put(it.app, { agent: "sales", pointHere: true })
  expect(body).toMatchObject({
    voiceUrl: `https://parley.test/twilio/voice${OVERRIDES}`,
    voiceApplicationSid: null,
    agent: "sales",
    pointsHere: true,
  })
  expect(it.rest.requests.at(-1)?.form).toEqual({
    VoiceUrl: `https://parley.test/twilio/voice${OVERRIDES}`,
    VoiceMethod: "POST",
    StatusCallback: `https://parley.test/twilio/status${OVERRIDES}`,
    StatusCallbackMethod: "POST",
    VoiceApplicationSid: "",
  })
  expect((await it.app.json("/v1/numbers")).numbers).toEqual([body])
})

test.each([
  ["an unknown agent", { agent: "unknown" }, MAIN.sid, 400, "there are default"],
  ["no agent", {}, MAIN.sid, 400, "agent"],
  ["an unknown field", { agent: "default", point: true }, MAIN.sid, 400, "point"],
  ["a SID of something else", { agent: "default" }, "CA1", 400, "PN"],
  ["an unknown number", { agent: "default" }, newSid("PN"), 404, "20404"],
] as const)("%s is refused, and nothing changes", async (_, body, sid, status, words) => {
  await using it = await fixture()
  const answer = await put(it.app, body, sid)
  expect({ status: answer.status, message: answer.body.error.message }).toEqual({
    status,
    message: expect.stringContaining(words),
  })
  expect(it.rest.requests.filter(({ method }) => method === "POST")).toEqual([])
  expect((await it.app.json("/v1/config")).config.numbers).toBeUndefined()
})

test("a number of a SIP trunk stays with it", async () => {
  await using it = await fixture({}, { voice_application_sid: null, trunk_sid: `TK${"1".repeat(32)}` })
  expect(await put(it.app, { agent: "default", pointHere: true })).toMatchObject({
    status: 409,
    body: { error: { code: "CONFLICT" } },
  })
  expect((await it.app.json("/v1/config")).config.numbers).toBeUndefined()
})

test.each<[string, Record<string, string>]>([
  ["an account", { TWILIO_ACCOUNT_SID: "" }],
  ["a public address", { PUBLIC_URL: "" }],
])("without %s nothing can be pointed here", async (_, env) => {
  await using it = await fixture(env)
  const answer = await put(it.app, { agent: "default", pointHere: true })
  expect({ status: answer.status, code: answer.body.error.code }).toEqual({
    status: 503,
    code: "NOT_CONFIGURED",
  })
})

test("a key of one user may read the numbers and change none", async () => {
  await using it = await fixture({ API_KEYS: "key-of-alice-0000001:alice,key-of-everybody-01" })
  const alice = { Authorization: "Bearer key-of-alice-0000001", "Content-Type": "application/json" }
  expect((await it.app.api("/v1/numbers", { headers: alice })).status).toBe(200)
  const body = JSON.stringify({ agent: "default" })
  const changed = await it.app.api(`/v1/numbers/${MAIN.sid}/agent`, { method: "PUT", headers: alice, body })
  expect(changed.status).toBe(403)
  expect((await put(it.app, { agent: "default" })).status).toBe(200)
  expect((await it.app.api("/v1/numbers")).status).toBe(401)
})

test.each(["limit=0", "limit=1001", "limit=x"])("a list cannot be asked for %s", async (query) => {
  await using it = await fixture()
  expect((await it.app.api(`/v1/numbers?${query}`)).status).toBe(400)
})
