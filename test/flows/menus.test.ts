/** Calls through menus: the receptionist that ships with the program, messages, transfers, and what happens when the model is down. */

import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { callHarness, restService, textModelService } from "../call-harness.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { assetFolder } from "../server/assets-with.ts"
import { voiceForm } from "../server/client.ts"

/** Friday, 27 November 2026, 10:00 in New York. */
const OPEN = Date.parse("2026-11-27T15:00:00Z")
const CLOSED = Date.parse("2026-11-27T23:00:00Z")
const HOLIDAY = Date.parse("2026-12-25T15:00:00Z")
const TO = "+15550100002"
const WELCOME =
  "Thank you for calling Acme. For questions about our products, press 1 or say products. To check an order, press 2 or say order. To leave a message, press 3 or say message."
const LEAVE = "Please leave a message after the tone. Press the pound key when you are done."

type HarnessOptions = { at?: number; files?: Record<string, unknown>; env?: Record<string, string> }

async function menuHarness({ at = OPEN, files, env = {} }: HarnessOptions = {}) {
  const assets = assetFolder(files ?? { "serverConfig.json": { numbers: { [TO]: "menu:receptionist" } } })
  const openai = textModelService()
  const harness = await callHarness({
    services: { openai, rest: restService([]) },
    env: { ASSETS_DIR: assets.dir, ...env },
    charactersPerSecond: Number.POSITIVE_INFINITY,
  })
  harness.clock.step(at - harness.clock.now())
  return {
    ...harness,
    call: (fields: Partial<Parameters<typeof harness.twilio.call>[0]> = {}) =>
      harness.twilio.call({
        from: "+15550100001",
        to: TO,
        direction: "inbound",
        statusCallback: { url: "https://parley.test/twilio/status" },
        ...fields,
      }),
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]()
      assets[Symbol.dispose]()
    },
  }
}

describe("the receptionist", () => {
  test("in its hours connects by key to the agent, which greets", async () => {
    await using harness = await menuHarness()
    const call = harness.call()
    await call.questions.next()
    expect(call.spoken.all.map(({ text }) => text)).toEqual([WELCOME])
    call.press("1")
    expect(await call.agentTurn()).toBe("Hello there! How can I assist you today?")
    call.hangup()
    const { problems, verbs } = await call.ended
    expect({ problems, verbs }).toEqual({ problems: [], verbs: ["Gather", "Say", "Connect"] })
  })

  test("by speech takes an order number, which becomes a parameter of the call", async () => {
    await using harness = await menuHarness()
    const call = harness.call()
    await call.questions.next()
    call.say("I want to know about my order")
    await call.questions.next()
    call.say("one two three four five six")
    await call.questions.next()
    call.say("Yes")
    await call.agentTurn()
    const { callSid } = call
    expect(await harness.app.json(`/v1/calls/${callSid}`)).toMatchObject({
      parameters: { orderNumber: "123456" },
      status: "in-progress",
    })
    const { events } = await harness.app.json(`/v1/calls/${callSid}/events`)
    const menu = events.filter(({ type }: { type: string }) => type.startsWith("menu."))
    expect(menu).toMatchObject([
      { type: "menu.started", menu: "receptionist" },
      { step: "welcome", input: "speech", text: "I want to know about my order", next: "order" },
      { step: "order", input: "speech", next: "order" },
      { step: "order", input: "speech", text: "Yes", next: "agent" },
    ])
    call.hangup()
    await call.ended
  })

  test.each([
    ["outside its hours", CLOSED, "Thank you for calling Acme. Our office is closed."],
    ["on a holiday", HOLIDAY, "Thank you for calling Acme. Our office is closed for the holiday."],
  ])("%s takes a message", async (_, at, words) => {
    await using harness = await menuHarness({ at })
    const call = harness.call()
    await call.questions.next()
    expect(call.spoken.all.map(({ text }) => text)).toEqual([words, LEAVE])
    call.say("This is Anna. Please call me back.")
    call.press("#")
    const { problems, heard } = await call.ended
    expect([problems, heard.split("\n").at(-1)]).toEqual([[], "Thank you. We will call you back. Goodbye."])
    const { voiceMessages } = await harness.app.json(`/v1/calls/${call.callSid}/voice-messages`)
    expect(voiceMessages).toMatchObject([
      { menu: "receptionist", step: "message", status: "completed", durationSeconds: 3 },
    ])
    expect(await harness.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({
      status: "completed",
      endedBy: "agent",
    })
  })

  test("keeps the message of a caller who just hangs up", async () => {
    await using harness = await menuHarness({ at: CLOSED })
    const call = harness.call()
    await call.questions.next()
    call.say("This is Anna. Please call me back.")
    call.hangup()
    await call.ended
    const { voiceMessages } = await harness.app.json(`/v1/calls/${call.callSid}/voice-messages`)
    expect(voiceMessages).toHaveLength(1)
    expect(await harness.app.json(`/v1/calls/${call.callSid}`)).toMatchObject({ endedBy: "caller" })
  })

  test("says something to a caller who says nothing, and ends", async () => {
    await using harness = await menuHarness()
    const call = harness.call()
    const said: string[] = []
    call.spoken.listen(({ text }) => said.push(text))
    const over = call.ended
    while (
      (await Promise.race([over.then(() => "over"), call.questions.next().then(() => "asks")])) === "asks"
    )
      harness.clock.advance(10_000)
    expect(said.at(-1)).toContain("Goodbye")
    expect((await over).problems).toEqual([])
  })
})

test("a message is sent with the webhook of the call, once Twilio has finished it", async () => {
  const bodies = Promise.withResolvers<Record<string, unknown>>()
  await using hook = Object.assign(
    Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        bodies.resolve((await request.json()) as Record<string, unknown>)
        return new Response(null, { status: 204 })
      },
    }),
    { [Symbol.asyncDispose]: () => hook.stop(true) },
  )
  await using app = await AppUnderTest.start({ WEBHOOK_URL: `http://127.0.0.1:${hook.port}/hook` })
  const form = voiceForm({ CallStatus: "in-progress" })
  const verbs = await app.twiml("/twilio/voice?menu=receptionist", form)
  // Whether it is open depends on the clock; a message can be left either way.
  const record = verbs.find(({ name }) => name === "Record") ?? (await leaveMessage(app, verbs, form))
  const action = app.pathOf(record?.attributes["action"] ?? "")
  const callback = app.pathOf(record?.attributes["recordingStatusCallback"] ?? "")
  const recordingSid = `RE${"0".repeat(32)}`
  const RecordingUrl = `https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/${recordingSid}`
  await app.twiml(action, {
    ...form,
    CallStatus: "completed",
    RecordingUrl,
    RecordingDuration: "7",
    Digits: "hangup",
  })
  for (let second = 0; second < 5; second++) {
    await app.clock.pass(1000)
    await app.api("/health")
  }
  const report = {
    RecordingSid: recordingSid,
    RecordingUrl,
    RecordingStatus: "completed",
    RecordingDuration: "7",
  }
  expect((await app.webhook(callback, { ...form, ...report })).status).toBe(204)
  expect((await app.webhook(callback, { ...form, ...report })).status).toBe(204)
  for (let second = 0; second < 5; second++) {
    await app.clock.pass(1000)
    await app.api("/health")
  }
  expect(await bodies.promise).toMatchObject({
    type: "call.ended",
    voiceMessages: [{ recordingSid, url: RecordingUrl, durationSeconds: 7, status: "completed" }],
  })
})

async function leaveMessage(
  app: AppUnderTest,
  verbs: Awaited<ReturnType<AppUnderTest["twiml"]>>,
  form: Record<string, string>,
) {
  const action = verbs.find(({ name }) => name === "Gather")?.attributes["action"] ?? ""
  const next = await app.twiml(app.pathOf(action), { ...form, Digits: "3" })
  return next.find(({ name }) => name === "Record")
}

const TRANSFER = {
  start: "q",
  steps: {
    q: {
      kind: "choice",
      say: "Press 1 to speak with us.",
      choices: [{ key: "1", then: { say: "One moment.", transfer: "+15550100003", failed: "m" } }],
    },
    m: { kind: "message", say: "Nobody is here. Leave a message.", then: { hangUp: true } },
  },
}

describe("requests that come twice", () => {
  test("or late change nothing, and get the present step", async () => {
    await using app = await AppUnderTest.start({ ASSETS_DIR: "/nonexistent" })
    await app.api("/v1/menus/desk", {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(TRANSFER),
    })
    const form = voiceForm({ CallStatus: "in-progress" })
    const path = "/twilio/voice?menu=desk"
    const [first] = await app.twiml(path, form)
    const action = app.pathOf(first?.attributes["action"] ?? "")
    const wrong = await app.twiml(action, { ...form, Digits: "7" })
    // The same request again, by Twilio and by someone who recorded it.
    expect(await app.twiml(action, { ...form, Digits: "7" })).toEqual(wrong)
    expect(await app.twiml(action, { ...form, Digits: "1" })).toEqual(wrong)
    const together = await Promise.all(
      ["8", "8", "8"].map((Digits) =>
        app.twiml(app.pathOf(wrong[0]?.attributes["action"] ?? ""), { ...form, Digits }),
      ),
    )
    expect(new Set(together.map((verbs) => JSON.stringify(verbs))).size).toBe(1)
    const { events } = await app.json(`/v1/calls/${form["CallSid"]}/events`)
    expect(events.filter(({ type }: { type: string }) => type === "menu.answered")).toHaveLength(2)
  })
})

test.each<[string, unknown]>([
  ["a text", "x".repeat(1_900)],
  ["a recording", { audio: "https://example.com/terms.mp3" }],
])("an announcement of two minutes, %s, is followed by the agent", async (_, say) => {
  const welcome = { kind: "choice", say: "Press 1.", choices: [{ key: "1", then: { agent: true, say } }] }
  await using app = await AppUnderTest.start({ ASSETS_DIR: "/nonexistent" })
  await app.api("/v1/menus/terms", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ start: "welcome", steps: { welcome } }),
  })
  const form = voiceForm({ CallStatus: "in-progress" })
  const [gather] = await app.twiml("/twilio/voice?menu=terms", form)
  const verbs = await app.twiml(app.pathOf(gather?.attributes["action"] ?? ""), { ...form, Digits: "1" })
  const relay = verbs.at(-1)?.children[0]
  await app.clock.pass(120_000)
  expect(await app.socket(relay?.attributes["url"] ?? "").opened).toBe(true)
})

test("a transfer that nobody answers continues at its step of the menu", async () => {
  await using harness = await menuHarness({
    files: { "serverConfig.json": { agents: { default: { menus: { begin: "receptionist" } } } } },
    env: { ALLOWED_DESTINATIONS: "+1" },
  })
  const put = await harness.app.api("/v1/menus/desk", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(TRANSFER),
  })
  expect(put.status).toBe(200)
  const call = harness.call({ voiceUrl: "/twilio/voice?menu=desk", dialStatus: "no-answer" })
  await call.questions.next()
  call.press("1")
  const record = await call.questions.next()
  expect([record.name, call.verbs.all.map(({ name }) => name)]).toEqual([
    "Record",
    ["Gather", "Say", "Dial", "Say", "Record"],
  ])
  call.hangup()
  expect((await call.ended).problems).toEqual([])
})

test("a secret input is in no event of the transfer that follows, and the other inputs are", async () => {
  await using app = await AppUnderTest.start({ ALLOWED_DESTINATIONS: "+1" })
  const digits = (saveAs: string, then: unknown, secret = false) => ({
    kind: "digits",
    say: "Please enter it.",
    length: 4,
    saveAs,
    secret,
    then,
  })
  const menus = {
    desk: { start: "pin", steps: { pin: digits("pin", { menu: "order" }, true) } },
    order: { start: "order", steps: { order: digits("order", { transfer: "+15550100003" }) } },
  }
  for (const key of ["order", "desk"] as const) {
    const put = await app.api(`/v1/menus/${key}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(menus[key]),
    })
    expect(put.status).toBe(200)
  }
  const form = voiceForm({ CallStatus: "in-progress" })
  let verbs = await app.twiml("/twilio/voice?menu=desk", form)
  for (const Digits of ["4711", "8899"]) {
    const action = verbs[0]?.attributes["action"] ?? ""
    verbs = await app.twiml(app.pathOf(action), { ...form, Digits })
  }
  expect(verbs.map(({ name }) => name)).toEqual(["Dial"])
  const { events } = await app.json(`/v1/calls/${form["CallSid"]}/events`)
  expect(events.at(-1)).toMatchObject({
    type: "transfer.started",
    summary: "From the menu order: order 8899.",
  })
  expect(JSON.stringify(events)).not.toContain("4711")
})

/** Lets time pass until the promise is settled. */
async function until<T>(
  { clock, app }: Pick<Awaited<ReturnType<typeof callHarness>>, "clock" | "app">,
  promise: Promise<T>,
): Promise<T> {
  const step = async () => {
    await clock.pass(500)
    await app.api("/health")
    return "later" as const
  }
  const done = promise.then((value) => ({ value }))
  for (;;) {
    const outcome = await Promise.race([done, step()])
    if (outcome !== "later") return outcome.value
  }
}

const MODEL_DOWN = {
  "serverConfig.json": {
    agents: { default: { engine: "relay", menus: { modelFailed: "fallback" } } },
  },
}
const FALLBACK = {
  start: "q",
  steps: {
    q: {
      kind: "choice",
      say: "Our assistant is not available. Press 1 to speak with us, or 2 to leave a message.",
      choices: [
        { key: "1", then: { transfer: "+15550100003" } },
        { key: "2", then: "m" },
      ],
    },
    m: { kind: "message", say: "Leave a message.", then: { hangUp: true } },
  },
}

describe("while the vendor of the model is down, the menu still", () => {
  async function withoutModel(engine: "relay" | "realtime") {
    const assets = assetFolder({
      ...MODEL_DOWN,
      "serverConfig.json": { agents: { default: { engine, menus: { modelFailed: "fallback" } } } },
    })
    mkdirSync(`${assets.dir}/menus`)
    writeFileSync(`${assets.dir}/menus/fallback.json`, JSON.stringify(FALLBACK))
    const harness = await callHarness({
      services: {},
      env: {
        ASSETS_DIR: assets.dir,
        MODEL_PROVIDER: "openai",
        OPENAI_API_KEY: "sk-test",
        // Nothing listens there.
        OPENAI_BASE_URL: "http://127.0.0.1:9/v1",
        ALLOWED_DESTINATIONS: "+1",
      },
      charactersPerSecond: Number.POSITIVE_INFINITY,
    })
    return {
      ...harness,
      async [Symbol.asyncDispose]() {
        await harness[Symbol.asyncDispose]()
        assets[Symbol.dispose]()
      },
    }
  }

  test("takes a message", async () => {
    await using harness = await withoutModel("relay")
    const call = harness.twilio.call({ from: "+15550100001", to: TO, direction: "inbound" })
    await call.agentTurn()
    call.say("What are your opening hours?")
    expect((await until(harness, call.questions.next())).name).toBe("Gather")
    call.press("2")
    expect((await call.questions.next()).name).toBe("Record")
    call.say("Please call me back.")
    call.press("#")
    expect((await call.ended).problems).toEqual([])
    const { voiceMessages } = await harness.app.json(`/v1/calls/${call.callSid}/voice-messages`)
    expect(voiceMessages).toHaveLength(1)
  })

  test("takes over from a speech-to-speech model, by way of the relay", async () => {
    await using harness = await withoutModel("realtime")
    const call = harness.twilio.call({ from: "+15550100001", to: TO, direction: "inbound" })
    const greeted = call.agentTurn()
    await until(harness, greeted)
    call.say("What are your opening hours?")
    expect((await until(harness, call.questions.next())).name).toBe("Gather")
    call.press("2")
    expect((await call.questions.next()).name).toBe("Record")
    call.hangup()
    await call.ended
    expect(call.verbs.all.map(({ name }) => name)).toEqual([
      "Connect",
      "Redirect",
      "Connect",
      "Gather",
      "Say",
      "Record",
    ])
  })

  test("transfers", async () => {
    await using harness = await withoutModel("relay")
    const call = harness.twilio.call({ from: "+15550100001", to: TO, direction: "inbound" })
    await call.agentTurn()
    call.say("What are your opening hours?")
    await until(harness, call.questions.next())
    call.press("1")
    const { verbs, problems } = await call.ended
    expect([verbs.slice(-2), problems]).toEqual([["Dial", "Hangup"], []])
  })
})

test("after calls in menus the counts are those of the start", async () => {
  await using harness = await menuHarness({ at: CLOSED })
  const before = await harness.app.counts()
  for (let count = 0; count < 20; count++) {
    const call = harness.call({ from: `+1555010${String(1000 + count)}` })
    await call.questions.next()
    call.hangup()
    await call.ended
  }
  // What is written behind the last call takes a moment more.
  await harness.clock.pass(5_000)
  await harness.app.api("/health")
  expect(await harness.app.counts()).toEqual(before)
})

test("while the database is locked, a call passes its menu from memory, and is stored afterwards", async () => {
  const dir = mkdtempSync(join(tmpdir(), "parley-menu-locked-"))
  using _ = { [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
  const path = join(dir, "x.db")
  await using app = await AppUnderTest.start({ DATABASE_URL: `file:${path}`, WEBHOOK_ANSWER_MS: "20000" })
  await app.api("/v1/menus/desk", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(FALLBACK),
  })
  using other = new Database(path)
  const form = voiceForm({ CallStatus: "in-progress" })
  const [first] = await app.twiml("/twilio/voice?menu=desk", form)
  other.run("BEGIN IMMEDIATE")
  const action = app.pathOf(first?.attributes["action"] ?? "")
  const wrong = await app.twiml(action, { ...form, Digits: "9" })
  expect(wrong[0]?.children[0]?.text).toBe("I did not understand that.")
  expect(await app.twiml(action, { ...form, Digits: "9" })).toEqual(wrong)
  const record = await app.twiml(app.pathOf(wrong[0]?.attributes["action"] ?? ""), { ...form, Digits: "2" })
  expect(record.map(({ name }) => name)).toEqual(["Say", "Record", "Redirect"])
  const leave = { RecordingUrl: `https://api.twilio.com/x/RE${"1".repeat(32)}`, RecordingDuration: "4" }
  const bye = await app.twiml(app.pathOf(record[1]?.attributes["action"] ?? ""), { ...form, ...leave })
  expect(bye.map(({ name }) => name)).toEqual(["Say", "Hangup"])
  other.run("ROLLBACK")
  await app.clock.pass(5_000)
  expect(await app.json(`/v1/calls/${form["CallSid"]}`)).toMatchObject({
    status: "completed",
    endedBy: "agent",
  })
  const { voiceMessages } = await app.json(`/v1/calls/${form["CallSid"]}/voice-messages`)
  expect(voiceMessages).toMatchObject([{ durationSeconds: 4 }])
})
