/** Realtime calls of callers who are unknown, have consented, or are logged in: which frames the model gets, in which order. */

import { expect, test } from "bun:test"
import type { FakeConnection } from "../fakes/realtime-connection.ts"
import { textsIn } from "../lib/texts-in.ts"
import type { AppUnderTest } from "../server/app-under-test.ts"
import { CALLER, REALTIME, realtimeCallers, userSocket } from "./callers-harness.ts"

type Harness = Awaited<ReturnType<typeof realtimeCallers>>

/** The role that the model has at the last `session.update`, the request to speak after it, and what it was to say. */
async function nextSentence(model: FakeConnection) {
  const request = await model.next("response.create")
  const before = model.received.slice(0, model.received.indexOf(request))
  const update = before.findLast(({ type }) => type === "session.update")
  return {
    role: /Role (?:one|two)/.exec(JSON.stringify(update?.["session"]))?.[0],
    says: textsIn(request)
      .find((text) => text.startsWith("Say exactly"))
      ?.split("\n\n")[1],
  }
}

async function begun(harness: Harness) {
  harness.realtime.enqueue({ parts: [{ say: "Hello.", ms: 200 }] })
  const call = harness.twilio.call({ from: CALLER, to: REALTIME })
  const model = await harness.realtime.nextConnection()
  return { call, model }
}

/** Resolves when the model has received everything that was sent to it so far. */
async function received(app: AppUnderTest, callSid: string, model: FakeConnection): Promise<void> {
  await app.post(`/v1/calls/${callSid}/messages`, { role: "system", text: "A fact.", respond: false })
  await model.next("conversation.item.create")
}

function creates(model: FakeConnection): number {
  return model.received.filter(({ type }) => type === "response.create").length
}

/** The model has said what it was asked to say. */
async function said({ app, clock }: Harness): Promise<void> {
  await app.events.next(({ event }) => event.type === "reply.finished")
  await clock.pass(1_000)
}

test("consent on /user in mid-call changes the role, and the next request of the model follows it", async () => {
  await using harness = await realtimeCallers()
  const { app, realtime } = harness
  const before = await app.counts()
  const { call, model } = await begun(harness)
  expect(await nextSentence(model)).toEqual({
    role: "Role one",
    says: "Hello! This is the voice bot. To proceed, please provide your consent by clicking the link sent to you in the message",
  })
  await said(harness)

  realtime.enqueue({ parts: [{ say: "Thank you.", ms: 200 }] })
  const socket = await userSocket(app)
  socket.send({ event: "user_consent", phoneNumber: CALLER })
  expect(await socket.frames.next()).toMatchObject({ success: true, liveCalls: 1 })
  expect(await nextSentence(model)).toEqual({
    role: "Role two",
    says: "Thank you for providing consent. How can I help you today?",
  })
  await said(harness)

  call.hangup()
  socket.close()
  await app.events.next(({ event }) => event.type === "session.closed")
  await harness.clock.pass(10_000)
  const after = await app.counts()
  expect({ ...after, deadlines: 0 }).toEqual({ ...before, deadlines: 0 })
  expect(after["deadlines"]).toBeLessThanOrEqual(before["deadlines"] ?? 0)
})

test("a response waits until the server has confirmed the new role", async () => {
  await using harness = await realtimeCallers({ caller: { hasConsented: true } })
  const { app, realtime } = harness
  const { call, model } = await begun(harness)
  expect(await nextSentence(model)).toMatchObject({ role: "Role two" })
  await said(harness)
  realtime.enqueue({ parts: [{ say: "Hello Anna.", ms: 200 }] })
  const confirm = model.holdUpdates()
  const { status } = await app.post(`/v1/callers/${CALLER}/events`, { event: "user_login", name: "Anna" })
  expect(status).toBe(200)
  await received(app, call.callSid, model)
  expect(creates(model)).toBe(1)
  confirm()
  expect(await nextSentence(model)).toMatchObject({ says: "Hello Anna how can i help you" })
})

test("a server that confirms no change is not waited for longer than two seconds", async () => {
  await using harness = await realtimeCallers({ caller: { hasConsented: true } })
  const { app, realtime, clock } = harness
  const { call, model } = await begun(harness)
  await nextSentence(model)
  await said(harness)
  realtime.enqueue({ parts: [{ say: "Hello Anna.", ms: 200 }] })
  model.holdUpdates()
  await app.post(`/v1/callers/${CALLER}/events`, { event: "user_login", name: "Anna" })
  await received(app, call.callSid, model)
  clock.advance(1_900)
  await received(app, call.callSid, model)
  expect(creates(model)).toBe(1)
  clock.advance(200)
  expect(await nextSentence(model)).toMatchObject({ says: "Hello Anna how can i help you" })
})

test("a role that changes while the model's connection is being made is the role of that connection", async () => {
  await using harness = await realtimeCallers({ caller: { hasConsented: true } })
  const { app, realtime } = harness
  realtime.options.holdsUpdates = true
  const { model } = await begun(harness)
  await model.next("session.update")
  await app.post(`/v1/callers/${CALLER}/events`, { event: "login", knowledge: "Owns a sensor." })
  model.confirmUpdates()
  const renewed = await model.next("session.update")
  expect(JSON.stringify(renewed)).toContain("Owns a sensor.")
  await nextSentence(model)
})
