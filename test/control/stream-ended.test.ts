import { expect, test } from "bun:test"
import { newSid } from "../../src/sim/sids.ts"
import type { TwimlVerb } from "../../src/sim/twiml-reader.ts"
import { eventOf, realtimeHarness, type RealtimeHarness } from "../flows/realtime-harness.ts"
import { voiceForm } from "../server/client.ts"

const names = (verbs: readonly TwimlVerb[]) => verbs.map(({ name }) => name)

/** A call whose stream was opened, and closed by the server because a program had the caller transferred. */
async function transferredCall(harness: RealtimeHarness) {
  const { app, realtime, clock } = harness
  const form = voiceForm()
  const callSid = form["CallSid"] ?? ""
  const [connect, redirect] = await app.twiml("/twilio/voice", form)
  const socket = app.socket(connect?.children[0]?.attributes["url"] ?? "")
  await socket.opened
  const streamSid = newSid("MZ")
  const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 }
  const start = { streamSid, callSid, tracks: ["inbound"], customParameters: {}, mediaFormat }
  socket.send({ event: "start", sequenceNumber: "1", streamSid, start })
  await eventOf(harness, "session.opened")
  await realtime.nextConnection()
  expect((await app.post(`/v1/calls/${callSid}/transfer`, { summary: "Wants a person." })).status).toBe(202)
  await clock.pass(20_000)
  await socket.closed
  return { form: { ...form, CallStatus: "in-progress" }, nextPath: app.pathOf(redirect?.text ?? "") }
}

test("a stream that never opened counts as lost, whatever ended the one before", async () => {
  await using harness = await realtimeHarness({ env: { TRANSFER_TO: "+15550100009" } })
  const { app } = harness
  const { form, nextPath } = await transferredCall(harness)
  const [dial] = await app.twiml(nextPath, form)
  const ended = app.pathOf(dial?.attributes["action"] ?? "")
  const [, redirect] = await app.twiml(ended, { ...form, DialCallStatus: "no-answer" })
  const path = app.pathOf(redirect?.text ?? "")
  expect(path).toContain("/twilio/connect-ended")
  expect(names(await app.twiml(path, form))).toEqual(["Connect", "Redirect"])
  expect((await eventOf(harness, "session.ended")).event).toMatchObject({ reason: "transfer" })
  expect((await eventOf(harness, "session.ended")).event).toMatchObject({ reason: "lost" })
})

test("the step after a session that Twilio asks for again is the one that the session asked for", async () => {
  await using harness = await realtimeHarness({ env: { TRANSFER_TO: "+15550100009" } })
  const { app } = harness
  const { form, nextPath } = await transferredCall(harness)
  const repeated = `${nextPath.replace("connect-ended", "reconnect")}&retry=1`
  expect(names(await app.twiml(repeated, form))).toEqual(["Dial"])
})
