/** `/v1/calls/:sid/…` while a conversation runs: permissions, accepted requests and refusals. */

import { expect, test } from "bun:test"
import { newSid } from "../../../src/sim/sids.ts"
import { AppUnderTest } from "../app-under-test.ts"
import { jsonOf, setupFrame } from "../client.ts"
import { textsIn } from "../../lib/texts-in.ts"

const KEYS = { API_KEYS: "key-of-ann-0123456:ann,key-of-all-0123456" }
const ann = { Authorization: "Bearer key-of-ann-0123456" }
const all = { Authorization: "Bearer key-of-all-0123456" }

async function running(app: AppUnderTest) {
  const { callSid, socketUrl, actionPath } = await app.incoming()
  const socket = app.socket(socketUrl)
  await socket.opened
  socket.send(setupFrame(callSid))
  await app.events.next(({ event }) => event.type === "session.opened")
  return { callSid, socket, actionPath, path: `/v1/calls/${callSid}` }
}

function patch(app: AppUnderTest, path: string, body: unknown) {
  const headers = { "Content-Type": "application/json" }
  return app.api(path, { method: "PATCH", headers, body: JSON.stringify(body) })
}

test("a sentence is spoken and becomes part of the transcript", async () => {
  await using app = await AppUnderTest.start()
  const { path, socket } = await running(app)
  const answer = await app.post(`${path}/say`, { text: "  Hello there. " })
  expect({ status: answer.status, body: await answer.json() }).toEqual({
    status: 202,
    body: { accepted: true },
  })
  expect(await socket.frames.next()).toEqual({ type: "text", token: "Hello there.", last: true })
  const { turns } = await app.json(`${path}/transcript`)
  expect(turns.at(-1)).toMatchObject({ speaker: "agent", text: "Hello there." })
})

test("a transfer says its words, ends the session, and calls the person who was named", async () => {
  await using app = await AppUnderTest.start({ ALLOWED_SIP_DOMAINS: "pbx.example.com" })
  const { callSid, path, socket, actionPath } = await running(app)
  const body = { to: "sip:desk@pbx.example.com", summary: "Wants a person.", say: "I connect you." }
  expect((await app.post(`${path}/transfer`, body)).status).toBe(202)
  expect(await socket.frames.next()).toMatchObject({ token: "I connect you." })
  app.clock.advance(20_000)
  const { handoffData } = await socket.frames.next(({ type }) => type === "end")
  const form = { CallSid: callSid, CallStatus: "in-progress", SessionStatus: "ended" }
  const [dial] = await app.twiml(actionPath, { ...form, HandoffData: String(handoffData) })
  expect(dial?.children[0]).toMatchObject({ name: "Sip", text: "sip:desk@pbx.example.com" })
})

test("the target of a transfer is a phone number in any form", async () => {
  await using app = await AppUnderTest.start()
  const { path, socket } = await running(app)
  const body = { to: "+1 (555) 010-0009 ext. 12", summary: "" }
  expect((await app.post(`${path}/transfer`, body)).status).toBe(202)
  app.clock.advance(20_000)
  const { handoffData } = await socket.frames.next(({ type }) => type === "end")
  expect(JSON.parse(String(handoffData))).toMatchObject({ transferTo: "+15550100009;ext=12" })
})

test.each([
  ["a premium-rate number", "+19005550123", "ALLOWED_DESTINATIONS"],
  ["another country", "+4930123456", "ALLOWED_DESTINATIONS"],
  ["a SIP domain that is not listed", "sip:a@evil.example", "ALLOWED_SIP_DOMAINS"],
])("a transfer to %s is refused, and the conversation continues", async (_, to, setting) => {
  await using app = await AppUnderTest.start()
  const { path, socket } = await running(app)
  const answer = await app.post(`${path}/transfer`, { to, summary: "" })
  const { error } = await jsonOf(answer)
  expect({ status: answer.status, code: error.code }).toEqual({ status: 403, code: "FORBIDDEN" })
  expect(error.message).toContain(setting)
  await app.post(`${path}/say`, { text: "Still here." })
  expect(await socket.frames.next()).toMatchObject({ token: "Still here." })
})

test("an end frame does not choose whom the call is transferred to", async () => {
  await using app = await AppUnderTest.start()
  const { path, socket } = await running(app)
  const given = { reasonCode: "live-agent-handoff", reason: "x", transferTo: "+19005550123" }
  const frame = { type: "end", handoffData: JSON.stringify(given) }
  expect((await app.post(`${path}/messages`, { frame })).status).toBe(202)
  const { handoffData } = await socket.frames.next(({ type }) => type === "end")
  expect(JSON.parse(String(handoffData))).toEqual({ reasonCode: "live-agent-handoff", reason: "x" })
})

test.each([
  ["/transfer", { to: "unknown" }, "The transfer target must be a number"],
  ["/transfer", {}, "The transfer target must be a number"],
  ["/say", { text: " " }, "text"],
  ["/say", { text: "x".repeat(4001) }, "text"],
  ["/messages", {}, "body"],
  ["/messages", { role: "robot", text: "x" }, "body"],
  ["/messages", { frame: { type: "interrupt" } }, "The frame is invalid"],
])("%s refuses %j", async (end, body, message) => {
  await using app = await AppUnderTest.start()
  const { path } = await running(app)
  const answer = await app.post(path + end, body)
  const { error } = await jsonOf(answer)
  expect({ status: answer.status, code: error.code }).toEqual({ status: 400, code: "INVALID_REQUEST" })
  expect(textsIn(error)).toContainEqual(expect.stringContaining(message))
})

test.each([
  [{}],
  [{ surprise: 1 }],
  [{ contextKey: "../x" }],
  [{ contextKey: "nothing" }],
  [{ listenMode: "yes" }],
])("the agent is not changed by %j", async (body) => {
  await using app = await AppUnderTest.start()
  const { path } = await running(app)
  expect((await patch(app, `${path}/agent`, body)).status).toBe(400)
})

test("a change returns the new state, and is an event", async () => {
  await using app = await AppUnderTest.start()
  const { path } = await running(app)
  const state = {
    ...(await jsonOf(await patch(app, `${path}/agent`, { listenMode: true, silenceDetection: true }))),
  }
  expect(state).toEqual({
    contextKey: "defaultContext",
    manifestKey: "defaultToolManifest",
    listenMode: true,
    silenceDetection: true,
  })
  const { events } = await app.json(`${path}/events`)
  expect(events.at(-1)).toMatchObject({ type: "agent.changed", listenMode: true })
})

test("a call without a conversation is a conflict, an unknown one not found, a bad name refused", async () => {
  await using app = await AppUnderTest.start()
  const { callSid } = await app.incoming()
  const say = async (sid: string) => (await app.post(`/v1/calls/${sid}/say`, { text: "x" })).status
  expect({
    running: await say(callSid),
    unknown: await say(newSid("CA")),
    malformed: await say("x"),
  }).toEqual({ running: 409, unknown: 404, malformed: 400 })
})

test("a bound user cannot control a call without a user", async () => {
  await using app = await AppUnderTest.start(KEYS)
  const { path } = await running(app)
  const say = async (headers: Record<string, string>) =>
    (await app.post(`${path}/say`, { text: "x" }, headers)).status
  expect({ own: await say(ann), unbound: await say(all), withoutKey: await say({}) }).toEqual({
    own: 404,
    unbound: 202,
    withoutKey: 401,
  })
})

test("a message that the agent answers counts, one that it only reads does not", async () => {
  await using app = await AppUnderTest.start({ SERVER_MESSAGES_PER_MINUTE: "1" })
  const { path } = await running(app)
  const send = async (respond: boolean) =>
    (await app.post(`${path}/messages`, { role: "system", text: "Shipped.", respond })).status
  expect([await send(true), await send(true), await send(false)]).toEqual([202, 429, 202])
})
