/** Which phone menu a placed call has to pass, and with which engine. */

import { expect, test } from "bun:test"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { createAssets } from "../../src/assets/assets.ts"
import { builtinTools } from "../../src/tools/registry.ts"
import { getLog } from "../../src/lib/log.ts"
import { ivrMenuOf, navigatingEngine } from "../../src/control/ivr-menu.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { assetsWith } from "../server/assets-with.ts"
import { jsonOf } from "../server/client.ts"

const entry = (intent: string) => ({ intent, triggers: [intent], response: "1" })
const CONFIG = {
  ivrMenus: {
    acme: { numbers: ["+15550100003"], menu: [entry("stored")] },
    other: { menu: [entry("other")] },
  },
  agents: { spoken: { engine: "realtime" } },
}
const TO = { to: "+15550100003", from: "+15550100002" }

async function fixture() {
  const stack = new AsyncDisposableStack()
  const assets = stack.use(assetsWith(CONFIG))
  const twilio = stack.use(new FakeTwilio())
  const env = { TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_API_BASE_URL: twilio.baseUrl }
  const app = stack.use(await AppUnderTest.start({ ...env, ASSETS_DIR: assets.dir }))
  const place = async (body: unknown) => {
    const answer = await app.post("/v1/calls", body)
    return { status: answer.status, body: await jsonOf(answer) }
  }
  return { app, place, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

test.each([
  ["the one of the number", TO, "stored"],
  ["none where the request says so", { ...TO, ivrMenu: null }, null],
  ["none for another number", { ...TO, to: "+15550100004" }, null],
  ["a stored one by its key", { ...TO, ivrMenu: "other" }, "other"],
  ["the entries of the request", { ...TO, ivrMenu: [entry("given")] }, "given"],
])("the menu of a call: %s", async (_, body, intent) => {
  await using it = await fixture()
  expect(await it.place(body)).toMatchObject({ status: 201, body: { ivrState: intent && "navigating" } })
  using folder = assetsWith(CONFIG)
  const known = { knownTools: [...builtinTools().keys()], engines: ["relay", "realtime"] as const }
  using assets = await createAssets({ dir: folder.dir, log: getLog("test"), ...known })
  const given = "ivrMenu" in body ? body.ivrMenu : undefined
  expect(ivrMenuOf(assets, given, body.to)?.map((one) => one.intent) ?? []).toEqual(intent ? [intent] : [])
})

test.each([
  ["a key that does not exist", { ...TO, ivrMenu: "unknown" }, "Known keys: acme, other"],
  ["no entry", { ...TO, ivrMenu: [] }, "ivrMenu"],
  ["an engine that cannot navigate", { ...TO, engine: "realtime" }, "cannot pass a phone menu"],
])("%s: 400", async (_, body, message) => {
  await using it = await fixture()
  expect(await it.place(body)).toMatchObject({
    status: 400,
    body: { error: { code: "INVALID_REQUEST", message: expect.stringContaining(message) } },
  })
})

test("a menu that the API stores counts for the next call to its number", async () => {
  await using it = await fixture()
  const changed = await it.app.api("/v1/config", {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ivrMenus: { late: { numbers: ["+15550100009"], menu: [entry("late")] } } }),
  })
  expect(changed.status).toBe(200)
  const { body } = await it.place({ ...TO, to: "+15550100009" })
  expect(body).toMatchObject({ ivrState: "navigating" })
  const twice = await it.app.api("/v1/config", {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ivrMenus: { again: { numbers: ["+15550100009"], menu: [entry("again")] } } }),
  })
  expect({ status: twice.status, text: await twice.text() }).toMatchObject({
    status: 400,
    text: expect.stringContaining("+15550100009 is a number of"),
  })
})

test("an agent whose model would talk to the menu uses another engine for the call", async () => {
  await using it = await fixture()
  const { body } = await it.place({ ...TO, agent: "spoken" })
  expect(body.engine).toBe("relay")
})

test.each([
  ["relay", false, "relay"],
  ["realtime", false, "relay"],
  ["realtime", true, "pipeline"],
  ["pipeline", false, "relay"],
  ["pipeline", true, "pipeline"],
] as const)(
  "the engine for an agent with the engine %s, speech configured: %p",
  (ofAgent, hasSpeech, engine) => {
    expect(navigatingEngine({ asked: undefined, ofAgent, hasSpeech })).toBe(engine)
  },
)

test("a key that is used again with another menu is another request", async () => {
  await using it = await fixture()
  const send = (ivrMenu: unknown) => it.app.post("/v1/calls", { ...TO, ivrMenu }, { "Idempotency-Key": "k" })
  expect((await send([entry("a")])).status).toBe(201)
  expect((await send([entry("a")])).status).toBe(201)
  expect((await send([entry("b")])).status).toBe(409)
})
