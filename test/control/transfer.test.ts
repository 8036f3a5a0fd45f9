/** Handing a caller to a person, and what follows. */

import { expect, test } from "bun:test"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { endedForm, setupFrame, voiceForm } from "../server/client.ts"
import { textsIn } from "../lib/texts-in.ts"

const HANDOFF = {
  HandoffData: JSON.stringify({ reasonCode: "live-agent-handoff", reason: "Wants a person." }),
}

async function transferred(env: Record<string, string> = {}, fields: Record<string, string> = {}) {
  const app = await AppUnderTest.start({ TRANSFER_TO: "+15550100088", ...env })
  const { callSid, actionPath } = await app.incoming(fields)
  const [verb] = await app.twiml(actionPath, endedForm(callSid, { ...fields, ...HANDOFF }))
  const action = app.pathOf(verb?.attributes["action"] ?? "")
  return {
    app,
    callSid,
    verb,
    action,
    sessionAction: actionPath,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  }
}

test.each([
  ["a caller's number is shown as it is", { From: "+15550100001" }, undefined],
  ["ours stands in for a withheld one", { From: "anonymous" }, "+15550100002"],
  ["ours stands in for the mark of a withheld one", { From: "+266696687" }, "+15550100002"],
  ["ours stands in for a SIP caller", { From: "sip:x@example.com" }, "+15550100002"],
  ["ours is shown where we called", { Direction: "outbound-api", From: "+15550100009" }, "+15550100009"],
])("%s", async (_, fields, expected) => {
  await using t = await transferred({}, fields)
  expect(t.verb?.attributes["callerId"]).toBe(expected)
})

test.each([
  [
    "completed",
    { DialCallStatus: "completed", DialCallDuration: "30" },
    ["Hangup"],
    "transferred to a person",
  ],
  ["bridged", { QueueResult: "bridged" }, ["Hangup"], "transferred to a person"],
])("after %s the call is over", async (_, fields, verbs, reason) => {
  await using t = await transferred()
  expect(
    (await t.app.twiml(t.action, { ...endedForm(t.callSid), ...fields })).map(({ name }) => name),
  ).toEqual(verbs)
  expect(await t.app.json(`/v1/calls/${t.callSid}`)).toMatchObject({ status: "completed", endReason: reason })
})

test.each([["busy"], ["no-answer"], ["failed"], ["canceled"], [""]])(
  "after %p the caller is back with the agent, without a greeting",
  async (DialCallStatus) => {
    await using t = await transferred()
    const [connect] = await t.app.twiml(t.action, { ...endedForm(t.callSid), DialCallStatus })
    expect(connect?.children[0]?.name).toBe("ConversationRelay")
  },
)

test("a person who answers and is not connected to the caller has not accepted the call", async () => {
  await using t = await transferred()
  const form = { ...endedForm(t.callSid), DialCallStatus: "completed", DialBridged: "false" }
  const [connect] = await t.app.twiml(t.action, form)
  expect(connect?.children[0]?.name).toBe("ConversationRelay")
  expect(await t.app.json(`/v1/calls/${t.callSid}`)).toMatchObject({ status: "in-progress" })
  const { events } = await t.app.json(`/v1/calls/${t.callSid}/events`)
  expect(events).toContainEqual(expect.objectContaining({ type: "transfer.failed", reason: "not-bridged" }))
})

test("a call in transfer is not claimed by a socket without a token", async () => {
  await using t = await transferred()
  // The slot for the session before the transfer is free by now.
  t.app.clock.advance(61_000)
  const socket = t.app.socket("wss://parley.test/conversation-relay")
  await socket.opened
  socket.send(setupFrame(t.callSid))
  expect((await socket.closed).code).toBe(4403)
})

test("each session and each transfer has addresses of its own, also within one millisecond", async () => {
  await using t = await transferred()
  const back = await t.app.twiml(t.action, { ...endedForm(t.callSid), DialCallStatus: "busy" })
  const action = t.app.pathOf(back[0]?.attributes["action"] ?? "")
  const [again] = await t.app.twiml(action, endedForm(t.callSid, HANDOFF))
  const secondAction = t.app.pathOf(again?.attributes["action"] ?? "")
  expect(new Set([t.sessionAction, t.action, action, secondAction]).size).toBe(4)
})

test("a caller who hangs up meanwhile has ended the call", async () => {
  await using t = await transferred()
  const form = { ...endedForm(t.callSid), CallStatus: "completed", DialCallStatus: "canceled" }
  expect(await t.app.twiml(t.action, form)).toEqual([])
  expect(await t.app.json(`/v1/calls/${t.callSid}`)).toMatchObject({ status: "completed", endedBy: "caller" })
  const { events } = await t.app.json(`/v1/calls/${t.callSid}/events`)
  expect(events).toContainEqual(
    expect.objectContaining({ type: "transfer.failed", reason: "the caller hung up" }),
  )
})

test("the end of a transfer counts once, signed, and for a call that is known", async () => {
  await using t = await transferred()
  const form = { ...endedForm(t.callSid), DialCallStatus: "busy" }
  expect((await t.app.webhook(t.action, form, { signature: null })).status).toBe(403)
  expect((await t.app.webhook(t.action, form)).status).toBe(200)
  expect((await t.app.webhook(t.action, form)).status).toBe(403)
  const stranger = await t.app.twiml(t.action, { ...voiceForm(), DialCallStatus: "busy" })
  expect(stranger.map(({ name }) => name)).toEqual(["Hangup"])
})

test("a whisper for an unknown call is silence, and a long summary is cut", async () => {
  await using t = await transferred()
  expect(await t.app.twiml(`/twilio/whisper?call=${crypto.randomUUID()}`, {})).toEqual([])
  const { callSid, actionPath } = await t.app.incoming()
  const HandoffData = JSON.stringify({ reasonCode: "live-agent-handoff", reason: "x".repeat(1000) })
  const [dial] = await t.app.twiml(actionPath, endedForm(callSid, { HandoffData }))
  const [said] = await t.app.twiml(t.app.pathOf(dial?.children[0]?.attributes["url"] ?? ""), {})
  expect(said?.text).toHaveLength(500)
})

test("a target that came with the data goes before the configured one; a bad one is none", async () => {
  await using app = await AppUnderTest.start({ TRANSFER_TO: "+15550100088" })
  const to = async (transferTo: string) => {
    const { callSid, actionPath } = await app.incoming()
    const HandoffData = JSON.stringify({ reasonCode: "live-agent-handoff", reason: "", transferTo })
    const [verb] = await app.twiml(actionPath, endedForm(callSid, { HandoffData }))
    return verb?.children[0]?.text ?? verb?.name
  }
  expect([await to("+15550100077"), await to("<Say>")]).toEqual(["+15550100077", ""])
})

test.each([
  ["a premium-rate number", { TRANSFER_TO: "+19005550123" }],
  ["another country", { TRANSFER_TO: "+4930123456" }],
])("to %s is refused, and the caller is back with the agent", async (_, env) => {
  await using t = await transferred(env)
  expect(t.verb?.children[0]?.name).toBe("ConversationRelay")
  const { events } = await t.app.json(`/v1/calls/${t.callSid}/events`)
  expect(events.map(({ type }: { type: string }) => type)).not.toContain("transfer.started")
  expect(textsIn(events)).toContainEqual(expect.stringContaining("calls to the target are not allowed"))
})

test("an agent's number with a trunk zero is dialled without it", async () => {
  await using t = await transferred({ TRANSFER_TO: "+4402079460958", ALLOWED_DESTINATIONS: "+44" })
  expect(t.verb?.children[0]?.text).toBe("+442079460958")
})

test("counts as the start of a call, of which the server allows only so many", async () => {
  await using app = await AppUnderTest.start({
    TRANSFER_TO: "+15550100088",
    SERVER_CALL_STARTS_PER_MINUTE: "2",
  })
  const nounOf = async () => {
    const { callSid, actionPath } = await app.incoming()
    const [verb] = await app.twiml(actionPath, endedForm(callSid, HANDOFF))
    return verb?.children[0]?.name
  }
  expect([await nounOf(), await nounOf(), await nounOf()]).toEqual(["Number", "Number", "ConversationRelay"])
})

/** Resolves once Twilio was asked for the call. */
async function askedFor(twilio: FakeTwilio, callSid: string): Promise<void> {
  for (let count = 1; !twilio.requests.some(({ path }) => path.includes(callSid)); count++)
    await twilio.received(count)
}

/** The same with an account, which has the call. */
async function transferredWithAccount() {
  const twilio = new FakeTwilio()
  const t = await transferred({
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
  })
  const remote = twilio.addCall({ sid: t.callSid, status: "in-progress" })
  return {
    ...t,
    twilio,
    remote,
    /** Twilio reports the end of the transfer, and what follows. */
    transferEnds: (fields: Record<string, string>) =>
      t.app.twiml(t.action, { ...endedForm(t.callSid), ...fields }),
    record: () => t.app.json(`/v1/calls/${t.callSid}`),
    async [Symbol.asyncDispose]() {
      await t[Symbol.asyncDispose]()
      await twilio[Symbol.asyncDispose]()
    },
  }
}

const TRANSFERRED = { status: "completed", endedBy: "agent", endReason: "transferred to a person" }

test.each([
  ["DialCallStatus", "completed"],
  ["DialCallStatus", "answered"],
  ["QueueResult", "redirected-from-bridged"],
])("a transfer that a move by REST has ended (%s %s) does not end the call", async (field, value) => {
  await using t = await transferredWithAccount()
  await t.transferEnds({ [field]: value })
  t.app.clock.advance(5_000)
  await askedFor(t.twilio, t.callSid)
  expect(await t.record()).toMatchObject({ status: "in-progress", endedBy: null })
  t.remote.status = "completed"
  t.app.clock.advance(65_000)
  await t.app.status(t.callSid, "completed")
  expect(await t.record()).toMatchObject(TRANSFERRED)
})

test("the end of an answered transfer is recorded when Twilio confirms it", async () => {
  await using t = await transferredWithAccount()
  await t.transferEnds({ DialCallStatus: "completed" })
  t.remote.status = "completed"
  expect(await t.record()).toMatchObject({ status: "in-progress" })
  t.app.clock.advance(5_000)
  await t.app.status(t.callSid, "completed")
  expect(await t.record()).toMatchObject(TRANSFERRED)
})

test("a status callback confirms it as well, with the reason of the transfer", async () => {
  await using t = await transferredWithAccount()
  await t.transferEnds({ DialCallStatus: "completed" })
  const form = voiceForm({ CallSid: t.callSid, CallStatus: "completed" })
  await t.app.webhook("/twilio/status", form)
  expect(await t.record()).toMatchObject(TRANSFERRED)
})

test("a session that a move by REST has ended does not end the call", async () => {
  await using twilio = new FakeTwilio()
  await using app = await AppUnderTest.start({
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_API_BASE_URL: twilio.baseUrl,
  })
  const { callSid, actionPath } = await app.incoming()
  twilio.addCall({ sid: callSid, status: "in-progress" })
  await app.twiml(actionPath, endedForm(callSid))
  app.clock.advance(5_000)
  await askedFor(twilio, callSid)
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({ status: "in-progress", endedBy: null })
})

test("a person who does not answer for a model that failed is not called again, and the call ends with a sentence", async () => {
  await using app = await AppUnderTest.start({ TRANSFER_TO: "+15550100088" })
  const { callSid, actionPath } = await app.incoming()
  const failed = { HandoffData: JSON.stringify({ reasonCode: "model-failed", reason: "closed" }) }
  const steps = await app.twiml(actionPath, endedForm(callSid, failed))
  const action = app.pathOf(steps.at(-1)?.attributes["action"] ?? "")
  const last = await app.twiml(action, { ...endedForm(callSid), DialCallStatus: "no-answer" })
  expect(last.map(({ name }) => name)).toEqual(["Say", "Hangup"])
  expect(await app.json(`/v1/calls/${callSid}`)).toMatchObject({
    status: "completed",
    endReason: "no model could be reached",
  })
})
