/** A caller of a landline confirms a mobile number, and is then known by that number. */

import { expect, test } from "bun:test"
import { newSid } from "../../src/sim/sids.ts"
import type { TwimlVerb } from "../../src/sim/twiml-reader.ts"
import { FakeCustomerApi } from "../fakes/fake-customer-api.ts"
import { FakeTwilio } from "../fakes/fake-twilio.ts"
import { AppUnderTest } from "../server/app-under-test.ts"
import { ACCOUNT_SID, voiceForm } from "../server/client.ts"

const LANDLINE = "+15550100009"
const MOBILE = "+15550100001"

function startFrame(callSid: string) {
  const streamSid = newSid("MZ")
  const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 }
  const start = {
    accountSid: ACCOUNT_SID,
    streamSid,
    callSid,
    tracks: ["inbound"],
    mediaFormat,
    customParameters: {},
  }
  return { event: "start", sequenceNumber: "1", streamSid, start }
}

test("the customer API is asked about the number that the caller has confirmed", async () => {
  await using twilio = new FakeTwilio({ accountSid: ACCOUNT_SID })
  twilio.lineTypes.set(LANDLINE, "landline")
  await using customers = new FakeCustomerApi({ hasConsented: true })
  await using app = await AppUnderTest.start({
    TWILIO_ACCOUNT_SID: ACCOUNT_SID,
    TWILIO_API_BASE_URL: twilio.baseUrl,
    CUSTOMER_API_URL: customers.url,
    // The first request loads the SDK of Twilio.
    WEBHOOK_ANSWER_MS: "20000",
  })
  const form = voiceForm({ CallStatus: "in-progress", From: LANDLINE })
  const follow = (verbs: readonly TwimlVerb[], input: Record<string, string>) => {
    const action = verbs.find(({ name }) => name === "Gather")?.attributes["action"] ?? ""
    return app.twiml(app.pathOf(action), { ...form, ...input })
  }
  const asked = await app.twiml("/incoming-call", form)
  const readBack = await follow(asked, { Digits: MOBILE.slice(1) })
  const connected = await follow(readBack, { SpeechResult: "Yes.", Confidence: "0.9" })
  expect(customers.paths).toEqual([])

  const [stream] = connected.find(({ name }) => name === "Connect")?.children ?? []
  const socket = app.socket(stream?.attributes["url"] ?? "")
  await socket.opened
  socket.send({ event: "connected", protocol: "Call", version: "1.0.0" })
  socket.send(startFrame(form["CallSid"] ?? ""))
  const lookup = await customers.requests.next(({ method }) => method === "GET")
  expect(lookup.query).toEqual({ phoneNumber: MOBILE })
  await app.events.next(({ event }) => event.type === "session.opened")
  expect(await app.json(`/v1/callers/${encodeURIComponent(MOBILE)}`)).toMatchObject({ state: "consented" })
  expect((await app.api(`/v1/callers/${encodeURIComponent(LANDLINE)}`)).status).toBe(404)
  socket.close()
})
