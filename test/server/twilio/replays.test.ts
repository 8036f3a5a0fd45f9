/** Requests of Twilio's that come again, late or in the wrong place: they must not take over or move a call. */

import { expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { newSid } from "../../../src/sim/sids.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { endedForm, relayOf, setupFrame, voiceForm } from "../client.ts"

const KEY = "a-key-of-the-other-program"
const DAY_MS = 86_400_000

/** An incoming call with an open session. */
async function conversation(env: Record<string, string> = {}) {
  const app = await AppUnderTest.start(env)
  const incoming = await app.incoming()
  const socket = app.socket(incoming.socketUrl)
  await socket.opened
  const opened = app.events.next(({ event }) => event.type === "session.opened")
  socket.send(setupFrame(incoming.callSid))
  await opened
  const read = () => app.json(`/v1/calls/${incoming.callSid}`)
  const verbs = async (path: string, form: Record<string, string>) =>
    (await app.twiml(path, form)).map(({ name, text }) => (name === "Redirect" ? app.pathOf(text) : name))
  return { ...incoming, app, socket, read, verbs, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() }
}

const RECONNECT = /^\/twilio\/reconnect\?resume=\d+&n=[\w-]{12}$/

test("a second voice webhook of a call with a session gets no socket, only an address to ask at", async () => {
  await using t = await conversation()
  const before = await t.read()
  const [verb = "", ...others] = await t.verbs("/twilio/voice?again=1", {
    ...t.form,
    CallStatus: "in-progress",
  })
  expect([verb, others]).toEqual([expect.stringMatching(RECONNECT), []])
  expect(await t.read()).toEqual(before)
  // Twilio itself, which has left the session, is connected there.
  const next = relayOf(await t.app.twiml(verb, endedForm(t.callSid)))
  const socket = t.app.socket(next.attributes["url"] ?? "")
  await socket.opened
  socket.send(setupFrame(t.callSid))
  expect((await t.socket.closed).code).toBe(4409)
})

test("the address of an earlier connection moves nothing", async () => {
  await using t = await conversation()
  const lost = endedForm(t.callSid, { SessionStatus: "failed" })
  const resumed = relayOf(await t.app.twiml(t.actionPath, lost))
  const socket = t.app.socket(resumed.attributes["url"] ?? "")
  await socket.opened
  const opened = t.app.events.next(({ event }) => event.type === "session.opened")
  socket.send(setupFrame(t.callSid))
  await opened
  const before = await t.read()
  expect(before).toMatchObject({ resumes: 1, live: true })
  const again = endedForm(t.callSid, { SessionStatus: "failed", SessionDuration: "13" })
  const goodbye = endedForm(t.callSid, {
    HandoffData: JSON.stringify({ reasonCode: "end-call", reason: "" }),
  })
  for (const form of [again, goodbye]) {
    expect(await t.verbs(t.actionPath, form)).toEqual([expect.stringMatching(RECONNECT)])
  }
  const sameResume = t.actionPath.replace("resume=0", "resume=1")
  expect(await t.verbs(sameResume, again)).toEqual([expect.stringMatching(RECONNECT)])
  expect(await t.read()).toEqual(before)
})

test("the end of an earlier transfer does not end the conversation that followed it", async () => {
  await using t = await conversation({ TRANSFER_TO: "+15550100088" })
  const HandoffData = JSON.stringify({ reasonCode: "live-agent-handoff", reason: "" })
  const dial = (await t.app.twiml(t.actionPath, endedForm(t.callSid, { HandoffData }))).at(-1)
  const action = t.app.pathOf(dial?.attributes["action"] ?? "")
  await t.app.twiml(action, { ...endedForm(t.callSid), DialCallStatus: "busy" })
  const late = { ...endedForm(t.callSid), DialCallStatus: "completed" }
  expect(await t.verbs(action, late)).toEqual([expect.stringMatching(RECONNECT)])
  expect(await t.read()).toMatchObject({ status: "in-progress", endedAt: null })
})

test("a repetition gets nothing once its answer has opened a session", async () => {
  await using app = await AppUnderTest.start()
  const form = voiceForm()
  const again = () => app.webhook("/twilio/voice", form, { idempotencyToken: "t1" })
  const first = await (await again()).text()
  expect(await (await again()).text()).toBe(first)
  const socket = app.socket(/url="(wss:[^"]+)"/.exec(first)?.[1] ?? "")
  await socket.opened
  const opened = app.events.next(({ event }) => event.type === "session.opened")
  socket.send(setupFrame(form["CallSid"] ?? ""))
  await opened
  expect((await again()).status).toBe(403)
})

test("of one request that comes twice at once both get the one answer", async () => {
  await using app = await AppUnderTest.start()
  const form = voiceForm()
  const requests = [1, 2, 3].map(() => app.webhook("/twilio/voice", form, { idempotencyToken: "t1" }))
  const answers = await Promise.all(requests.map(async (request) => (await request).text()))
  expect(new Set(answers).size).toBe(1)
  expect(answers[0]).toContain("wss://")
})

test("a first request that comes again after a day, when its call is deleted, creates no call", async () => {
  await using app = await AppUnderTest.start({ RETENTION_MS: "1000" })
  const { callSid, form } = await app.incoming()
  await app.webhook("/twilio/status", voiceForm({ CallSid: callSid, CallStatus: "completed" }))
  app.clock.step(DAY_MS)
  app.clock.advance(3_600_000)
  const calls = async () => (await app.json("/v1/calls")).calls
  expect(await calls()).toEqual([])
  expect((await app.webhook("/twilio/voice", form)).status).toBe(403)
  expect(await calls()).toEqual([])
})

test("a call that is over has no whisper, and no news of its messages after a day", async () => {
  await using t = await conversation()
  const { id } = await t.read()
  await t.app.webhook("/twilio/status", voiceForm({ CallSid: t.callSid, CallStatus: "completed" }))
  expect(await t.verbs(`/twilio/whisper?call=${id}`, {})).toEqual([])
  const failed = { MessageSid: newSid("SM"), MessageStatus: "failed", ErrorCode: "30005" }
  const failures = async () => {
    const { events } = await t.app.json(`/v1/calls/${t.callSid}/events`)
    return events.filter(({ type }: { type: string }) => type === "sms.failed").length
  }
  await t.app.webhook(`/twilio/sms?call=${id}`, failed)
  t.app.clock.step(DAY_MS + 1)
  await t.app.webhook(`/twilio/sms?call=${id}&n=2`, failed)
  expect(await failures()).toBe(1)
})

test("a program with a key says nothing about the status of a call, and its calls count as starts", async () => {
  await using app = await AppUnderTest.start({ API_KEYS: KEY, SERVER_CALL_STARTS_PER_MINUTE: "2" })
  const headers = { Authorization: `Bearer ${KEY}` }
  const ask = (form: Record<string, string>) =>
    app.webhook("/connectConversationRelay", form, { signature: null, headers })
  const form = voiceForm()
  expect((await ask({ ...form, CallStatus: "in-progress" })).status).toBe(200)
  expect((await ask({ ...form, CallStatus: "completed" })).status).toBe(200)
  const { calls } = await app.json("/v1/calls", { headers })
  expect(calls).toMatchObject([{ status: "queued", answeredAt: null, endedAt: null }])
  expect((await ask(voiceForm())).status).toBe(200)
  const refused = await ask(voiceForm())
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "60"])
  expect((await app.json("/v1/calls", { headers })).calls).toHaveLength(2)
  // Twilio's own calls are not limited by that.
  expect((await app.webhook("/connectConversationRelay", voiceForm())).status).toBe(200)
})

/** A menu: 1 leads to the agent, 2 to a queue. */
function withMenu() {
  const dir = mkdtempSync(join(tmpdir(), "parley-replays-"))
  const choices = [
    { key: "1", then: { say: "One moment.", agent: true } },
    { key: "2", then: { say: "One moment.", transfer: "queue:support" } },
  ]
  const menu = { start: "ask", steps: { ask: { kind: "choice", say: "Press 1 or 2.", choices } } }
  mkdirSync(join(dir, "menus"))
  writeFileSync(join(dir, "menus", "desk.json"), JSON.stringify(menu))
  writeFileSync(
    join(dir, "serverConfig.json"),
    JSON.stringify({ agents: { default: { menus: { begin: "desk" } } } }),
  )
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) }
}

test("a menu input that comes again during the conversation does not move the call", async () => {
  using assets = withMenu()
  await using app = await AppUnderTest.start({ ASSETS_DIR: assets.dir })
  const form = voiceForm()
  const callSid = form["CallSid"] ?? ""
  const asked = await (await app.webhook("/twilio/voice", form)).text()
  const input = app.pathOf(/action="([^"]+)"/.exec(asked)?.[1]?.replaceAll("&amp;", "&") ?? "")
  const pressed = { ...voiceForm({ CallSid: callSid, CallStatus: "in-progress" }), Digits: "1" }
  const connect = (await app.twiml(input, pressed)).at(-1)
  const relay = connect?.children[0]
  const socket = app.socket(relay?.attributes["url"] ?? "")
  await socket.opened
  const opened = app.events.next(({ event }) => event.type === "session.opened")
  socket.send(setupFrame(callSid))
  await opened
  const again = await app.twiml(input, pressed)
  expect(again.map(({ name, text }) => [name, app.pathOf(text)])).toEqual([
    ["Redirect", expect.stringMatching(RECONNECT)],
  ])
  // The address of the session is still the latest one.
  const HandoffData = JSON.stringify({ reasonCode: "end-call", reason: "" })
  const action = app.pathOf(connect?.attributes["action"] ?? "")
  expect((await app.twiml(action, endedForm(callSid, { HandoffData }))).map(({ name }) => name)).toEqual([
    "Hangup",
  ])
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "completed", endedBy: "agent" })
})

test("a menu may transfer to any queue, as settings may", async () => {
  using assets = withMenu()
  await using app = await AppUnderTest.start({ ASSETS_DIR: assets.dir })
  const form = voiceForm()
  const asked = await (await app.webhook("/twilio/voice", form)).text()
  const input = app.pathOf(/action="([^"]+)"/.exec(asked)?.[1]?.replaceAll("&amp;", "&") ?? "")
  const pressed = { ...voiceForm({ CallSid: form["CallSid"] ?? "", CallStatus: "in-progress" }), Digits: "2" }
  expect(await (await app.webhook(input, pressed)).text()).toContain(">support</Enqueue>")
})

test("a transfer that is asked for again counts once", async () => {
  await using t = await conversation({ TRANSFER_TO: "+15550100088", SERVER_CALL_STARTS_PER_MINUTE: "1" })
  const HandoffData = JSON.stringify({ reasonCode: "live-agent-handoff", reason: "" })
  const dial = async (fields: Record<string, string>) =>
    (await t.app.twiml(t.actionPath, endedForm(t.callSid, { HandoffData, ...fields }))).at(-1)?.name
  expect([await dial({}), await dial({ SessionDuration: "13" })]).toEqual(["Dial", "Dial"])
})
